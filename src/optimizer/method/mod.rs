//! The methods: how a step gets its direction from gradients. One file a method, each an entry of the list below, from which
//! keys, parsing, dispatch and the tables of methods follow.
//!
//! To add one: write its file (its settings as fields, their usual values, where it is SGD, its direction, its cost), and name
//! it in the list.

mod ascent;
mod averaging;
mod setting;

pub(super) use bsam::{BsamInput, BsamOutput};
pub(super) use setting::{Number, real, whole};
pub use setting::{NumberSlot, Settings, WordSlot};

use crate::{
    autodiff::{Objective, Vector},
    optimizer::{
        context::{SampleKind, StepContext, StepStats},
        noise::Noise,
        schedule::TrainingProgress,
    },
};

/// A method whose step is a base optimizer's along a direction.
pub trait GradientMethod: Settings {
    /// The direction g of one step at `w`. All its gradients are of `f`, so of one minibatch; noise is drawn at the scale that it
    /// has now. Costs [`Settings::cost`] gradient evaluations.
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction;
}

/// The direction of a step, and what its evaluations yield in addition.
#[derive(Debug, Clone)]
pub struct Direction {
    /// The descent direction g, [parameters].
    pub vector: Vector,
    /// Loss, curvature samples and batch statistics. The loss is f(w) for methods that evaluate the clean gradient first, else
    /// the mean over the perturbed points.
    pub stats: StepStats,
}

/// What a table of methods says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodInfo {
    /// The name in presets and events.
    pub key: &'static str,
    /// Its full name.
    pub name: &'static str,
    /// The direction of a step, or the whole update, in the notation of the paper.
    pub formula: &'static str,
    /// Gradient evaluations a step.
    pub cost: &'static str,
    /// Where it was published.
    pub source: &'static str,
}

/// The list of methods: those that give a direction, then those that are an update of their own.
macro_rules! methods {
    (direction: $($module:ident::$Method:ident),+; own_update: $($own_module:ident::$Own:ident),+;) => {
        $(mod $module; pub use $module::$Method;)+
        $(mod $own_module; pub use $own_module::$Own;)+

        /// A method that gives a base optimizer its direction, with its settings.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Method {
            $(#[doc = concat!("See [`", stringify!($Method), "`].")] $Method($Method),)+
        }

        $(impl From<$Method> for Method {
            fn from(method: $Method) -> Self {
                Self::$Method(method)
            }
        })+

        impl Method {
            /// Every one at its usual settings.
            const USUAL: [Self; [$(stringify!($Method)),+].len()] = [$(Self::$Method($Method::USUAL)),+];

            /// Every setting of a method with which each step is SGD's to the last bit, with a name for reports.
            pub fn as_sgd() -> impl Iterator<Item = (&'static str, Self)> {
                std::iter::empty()
                    $(.chain($Method::AS_SGD.iter().map(|&(name, method)| (name, Self::$Method(method)))))+
            }

            fn inner(&self) -> &dyn GradientMethod {
                match self { $(Self::$Method(method) => method,)+ }
            }

            fn inner_mut(&mut self) -> &mut dyn GradientMethod {
                match self { $(Self::$Method(method) => method,)+ }
            }
        }

        /// What a table says of every method, in the order of the list.
        pub const METHODS: [MethodInfo; [$(stringify!($Method),)+ $(stringify!($Own)),+].len()] =
            [$($Method::INFO,)+ $($Own::INFO),+];
    };
}

methods! {
    direction:
        sgd::Sgd,
        wp_sgd::WpSgd,
        nso::Nso,
        sam::Sam,
        usam::Usam,
        asam::Asam,
        rsam::Rsam,
        gnp::Gnp,
        gsam::Gsam,
        label_smoothing::LabelSmoothing;
    own_update:
        bsam::Bsam;
}

pub use asam::Scaling;
pub use bsam::BsamState;

impl Method {
    /// The method of that key at its usual settings.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::USUAL.into_iter().find(|method| method.info().key == key)
    }

    /// Every method that is a direction, at its usual settings.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::USUAL.into_iter()
    }

    /// The same method as it is at a point of training: its noise at the scale that the schedule has.
    #[must_use]
    pub fn at(mut self, progress: TrainingProgress) -> Self {
        if let Some(noise) = self.inner_mut().noise() {
            *noise = noise.at(progress);
        }
        self
    }

    /// Its weight noise, where it has some.
    pub fn weight_noise(mut self) -> Option<Noise> {
        self.inner_mut().noise().copied()
    }
}

impl Settings for Method {
    fn info(&self) -> MethodInfo {
        self.inner().info()
    }

    fn cost(&self) -> u64 {
        self.inner().cost()
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        self.inner_mut().numbers()
    }

    fn words(&mut self) -> Vec<WordSlot<'_>> {
        self.inner_mut().words()
    }

    fn noise(&mut self) -> Option<&mut Noise> {
        self.inner_mut().noise()
    }

    fn sampled_curvature(&self) -> Option<SampleKind> {
        self.inner().sampled_curvature()
    }

    fn label_smoothing(&self) -> f64 {
        self.inner().label_smoothing()
    }
}

impl GradientMethod for Method {
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction {
        self.inner().direction(f, w, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_a_direction_is_found_by_its_key() {
        for usual in Method::USUAL {
            assert_eq!(Method::from_key(usual.info().key), Some(usual));
        }
        assert_eq!(Method::from_key("bsam"), None, "an update of its own gives no direction");
        assert_eq!(Method::from_key("sgdd"), None);
    }

    #[test]
    fn no_two_methods_share_a_key() {
        let keys: std::collections::BTreeSet<&str> = METHODS.iter().map(|info| info.key).collect();
        assert_eq!(keys.len(), METHODS.len());
    }
}
