//! The PAC-Bayes bound of the paper's theorem 2.1, with its ingredients and the noise that it suggests.

/// What the bound is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ingredients {
    /// a: at least the Hessian trace of every example's loss.
    pub trace: f64,
    /// r = |w - w0|_2, the distance to the weights that training began from.
    pub distance: f64,
    /// C: the largest loss of an example.
    pub largest_loss: f64,
    /// n training examples.
    pub examples: u64,
}

impl Ingredients {
    /// sqrt(C a r^2 / n): theorem 2.1 reads L <= (1 + e) Lhat + (1 + e) times this, up to lower orders, for any e > 0.
    pub fn theorem(&self) -> f64 {
        (self.largest_loss * self.trace * self.distance.powi(2) / self.examples as f64).sqrt()
    }

    /// C sqrt(a r^2 / n): what the authors' published code evaluates instead.
    pub fn code(&self) -> f64 {
        self.largest_loss * (self.trace * self.distance.powi(2) / self.examples as f64).sqrt()
    }

    /// The noise scale at which the bound is tightest: sigma^2 = r / (1 - beta) sqrt(C / (2 a n)), beta = 1 / (1 + e) (from equation 27).
    pub fn best_sigma(&self, e: f64) -> f64 {
        let beta = 1.0 / (1.0 + e);
        let spread = (self.largest_loss / (2.0 * self.trace * self.examples as f64)).sqrt();
        (self.distance / (1.0 - beta) * spread).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The authors' logged MNIST inputs give .093304 in the form of their code and .251273 in that of the theorem.
    #[test]
    fn both_forms_reproduce_the_worked_values() {
        let logged = Ingredients {
            trace: 37.965_467_61 + 57.639_919_12,
            distance: 287.376_24f64.sqrt(),
            largest_loss: 0.137_883_052_2,
            examples: 60_000,
        };
        assert!((logged.code() - 0.093_304).abs() < 5e-7, "{}", logged.code());
        assert!((logged.theorem() - 0.251_273).abs() < 5e-7, "{}", logged.theorem());
    }

    /// r = 2, e = 1, so beta = 1/2; C = 8, a = 4, n = 100: sigma^2 = 4 sqrt(8 / 800) = .4.
    #[test]
    fn the_best_noise_follows_its_formula() {
        let simple = Ingredients { trace: 4.0, distance: 2.0, largest_loss: 8.0, examples: 100 };
        assert!((simple.best_sigma(1.0).powi(2) - 0.4).abs() < 1e-12);
    }
}
