//! The kinds of problems that a preset may ask for. One file a kind: its keys in the section [problem], how they are read and
//! written, what is known of it before it is built, and how it is built. Each is an entry of the list below.
//!
//! To add one: write its file, and name it in the list. The key of `kind` is the name of its variant, in lower case with hyphens.

mod footprint;
mod image_set;
mod image_subset;

use std::sync::Arc;

use burn::tensor::Device;
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};
use toml::Table;

pub use footprint::Footprint;
pub(super) use image_set::{read_augmentation, write_augmentation};
pub use image_subset::ImageSubset;

use super::section::{Fault, Section};
use crate::{
    data::Augmentation,
    problem::{FineTune, LoadingCallback, Problem, ProblemError, ignore_progress},
};

/// What is known of a problem before it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// It has examples to make minibatches of.
    Examples,
    /// Its examples have labels, which can be smoothed.
    Labels,
    /// Its parameters are several tensors.
    SeveralTensors,
    /// It has convolutions, which some GPUs round.
    Convolutions,
    /// Its training takes very long on the CPU backend.
    SlowOnFlex,
    /// Training normalises by the statistics of each batch: one image on a last map of one pixel has no variance.
    BatchStatistics,
}

/// What a problem is built from besides its settings.
#[derive(Clone, Copy)]
pub(super) struct BuildContext<'a> {
    /// The seed of what is drawn for it.
    pub seed: u64,
    /// Where its tensors will be.
    pub device: &'a Device,
    /// Called while data are read.
    pub progress: LoadingCallback<'a>,
}

/// A kind of problem, as its settings.
pub(super) trait ProblemSettings {
    /// The settings as the section [problem] has them, each key checked.
    fn read(section: &mut Section) -> Result<Self, Fault>
    where
        Self: Sized;

    /// Adds the keys from which [`ProblemSettings::read`] makes the same settings.
    fn write(&self, table: &mut Table);

    /// What is known of it.
    fn facts(&self) -> Vec<Fact>;

    /// The unit of its loss, where it has one.
    fn loss_unit(&self) -> Option<&'static str>;

    /// Its size, as far as the settings tell it.
    fn footprint(&self) -> Footprint;

    /// How training images are augmented in runs that say nothing of it, as the section [problem] has it; `None` where there are no
    /// images to augment.
    fn read_augmentation(_section: &mut Section) -> Result<Option<Augmentation>, Fault>
    where
        Self: Sized,
    {
        Ok(None)
    }

    /// Keeps what augmentation needs, since some run augments.
    fn keep_for_augmentation(&mut self) {}

    /// Reads or draws the data and puts the problem on the device. May take minutes.
    fn build(&self, context: BuildContext<'_>) -> Result<Arc<dyn Problem>, ProblemError>;
}

/// The list of kinds.
macro_rules! problems {
    ($($(#[$doc:meta])* $module:ident => $Kind:ident($Settings:ty)),+ $(,)?) => {
        $(mod $module;)+

        /// A problem with its settings, as checked by the preset reader.
        #[derive(Debug, Clone, PartialEq, EnumDiscriminants)]
        #[strum_discriminants(
            name(ProblemKind),
            derive(EnumString, IntoStaticStr, VariantArray),
            strum(serialize_all = "kebab-case"),
            doc = "A kind of problem, by its key in presets."
        )]
        pub enum ProblemConfig {
            $($(#[$doc])* $Kind($Settings),)+
        }

        impl ProblemConfig {
            fn inner(&self) -> &dyn ProblemSettings {
                match self { $(Self::$Kind(settings) => settings,)+ }
            }

            fn inner_mut(&mut self) -> &mut dyn ProblemSettings {
                match self { $(Self::$Kind(settings) => settings,)+ }
            }
        }

        impl ProblemKind {
            fn read(self, section: &mut Section) -> Result<ProblemSection, Fault> {
                match self {
                    $(Self::$Kind => Ok(ProblemSection {
                        problem: ProblemConfig::$Kind(<$Settings>::read(section)?),
                        augmentation: <$Settings>::read_augmentation(section)?,
                    }),)+
                }
            }
        }
    };
}

problems! {
    /// A quadratic with a diagonal Hessian.
    quadratic => Quadratic(QuadraticSettings),
    /// The valley of minima.
    valley => Valley(ValleySettings),
    /// Recovery of a low-rank matrix.
    matrix_sensing => MatrixSensing(MatrixSensingSize),
    /// Softmax regression on MNIST.
    mnist_softmax => MnistSoftmax(ImageSubset),
    /// A perceptron on MNIST.
    mnist_mlp => MnistMlp(MnistMlp),
    /// A small convolutional network on Fashion-MNIST.
    fashion_cnn => FashionCnn(FashionCnn),
    /// A pretrained network with a new head on a set of images.
    fine_tune => FineTune(Box<FineTune>),
}

pub use crate::problem::MatrixSensingSize;
pub use {fashion_cnn::FashionCnn, mnist_mlp::MnistMlp, quadratic::QuadraticSettings, valley::ValleySettings};

/// What the section [problem] says.
pub(super) struct ProblemSection {
    /// What is trained.
    pub problem: ProblemConfig,
    /// How training images are augmented in runs that say nothing of it; `None` where there are none.
    pub augmentation: Option<Augmentation>,
}

impl ProblemSection {
    /// Reads the section.
    ///
    /// # Errors
    /// [`Fault`] names the key that is missing, unknown or out of range.
    pub fn read(mut section: Section) -> Result<Self, Fault> {
        let keys: Vec<&'static str> = ProblemKind::VARIANTS.iter().map(Into::into).collect();
        let key = section.required_choice("kind", &keys)?;
        let kind: ProblemKind = key.parse().map_err(|_| section.fault("kind", format!("'{key}' is no kind")))?;
        let read = kind.read(&mut section)?;
        section.finish()?;
        Ok(read)
    }
}

impl ProblemConfig {
    /// The key of its kind in presets.
    pub fn kind(&self) -> &'static str {
        ProblemKind::from(self).into()
    }

    /// The section [problem] that reads as this problem.
    pub(super) fn to_table(&self) -> Table {
        let mut table = Table::new();
        table.insert("kind".into(), self.kind().into());
        self.inner().write(&mut table);
        table
    }

    /// Whether this is so.
    pub fn has(&self, fact: Fact) -> bool {
        self.inner().facts().contains(&fact)
    }

    /// Whether its examples have labels, which can be smoothed.
    pub fn has_labels(&self) -> bool {
        self.has(Fact::Labels)
    }

    /// Whether its parameters are several tensors.
    pub fn has_layers(&self) -> bool {
        self.has(Fact::SeveralTensors)
    }

    /// The unit of its loss, where it has one.
    pub fn loss_unit(&self) -> Option<&'static str> {
        self.inner().loss_unit()
    }

    /// Its size, as far as it is known before it is built.
    pub fn footprint(&self) -> Footprint {
        self.inner().footprint()
    }

    /// Keeps what augmentation needs, since some run augments.
    pub(super) fn keep_for_augmentation(&mut self) {
        self.inner_mut().keep_for_augmentation();
    }

    /// Reads or draws the data and puts the problem on `device`. May take seconds.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read.
    pub fn build(&self, seed: u64, device: &Device) -> Result<Arc<dyn Problem>, ProblemError> {
        self.build_with_progress(seed, device, &ignore_progress)
    }

    /// The same; `progress` is called with the number of images read, and with those that are skipped.
    ///
    /// # Errors
    /// [`ProblemError`] if data cannot be read, or if `progress` breaks off.
    pub fn build_with_progress(
        &self,
        seed: u64,
        device: &Device,
        progress: LoadingCallback<'_>,
    ) -> Result<Arc<dyn Problem>, ProblemError> {
        self.inner().build(BuildContext { seed, device, progress })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ProblemSection, String> {
        let table: Table = text.parse().unwrap();
        ProblemSection::read(Section::new("problem", table)).map_err(|Fault { key, fault }| format!("{key}: {fault}"))
    }

    /// The least that each kind needs.
    fn least(kind: ProblemKind) -> ProblemConfig {
        let key: &str = kind.into();
        let more = match kind {
            ProblemKind::Quadratic => "h = [1.0, 2.0]",
            ProblemKind::Valley
            | ProblemKind::MatrixSensing
            | ProblemKind::MnistSoftmax
            | ProblemKind::MnistMlp
            | ProblemKind::FashionCnn
            | ProblemKind::FineTune => "",
        };
        read(&format!("kind = \"{key}\"\n{more}")).unwrap().problem
    }

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        for &kind in ProblemKind::VARIANTS {
            let problem = least(kind);
            assert_eq!(ProblemKind::from(&problem), kind);
            let text = problem.to_table().to_string();
            assert_eq!(read(&text).unwrap().problem, problem, "{text}");
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused_with_the_closest() {
        let fault = read("kind = \"mnist-mpl\"").err().unwrap();
        assert!(fault.starts_with("problem.kind: 'mnist-mpl' is none of") && fault.contains("'mnist-mlp'?"), "{fault}");
    }

    /// Nats are a unit of cross-entropies alone; only a network that trains by batch statistics needs two images a batch.
    #[test]
    fn what_is_known_of_a_kind_is_its_own_statement() {
        for &kind in ProblemKind::VARIANTS {
            let problem = least(kind);
            let analytic = matches!(kind, ProblemKind::Quadratic | ProblemKind::Valley | ProblemKind::MatrixSensing);
            assert_eq!(problem.loss_unit(), if analytic { None } else { Some("nats") });
            assert_eq!(problem.has(Fact::Examples), !analytic);
            assert_eq!(problem.has(Fact::BatchStatistics), kind == ProblemKind::FineTune);
        }
        let stored = read("kind = \"fine-tune\"\nbatch_norm = \"stored\"").unwrap().problem;
        assert!(!stored.has(Fact::BatchStatistics) && stored.has(Fact::SlowOnFlex));
    }
}
