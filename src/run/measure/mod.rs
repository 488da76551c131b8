//! What a run measures along the way: step losses as they were paid for, losses on whole splits, curvature. Nothing here touches the
//! trajectory. One file a curvature measurement, each an entry of the list below, from which preset keys, settings, dispatch, events
//! and the quantities of charts follow.
//!
//! To add one: write its file (its settings as fields, its info, its numbers), name it in the list, and give it a panel.

mod bound;
mod curvature;
mod declared;
mod density;
mod evaluator;
mod gradient_noise;
mod lambda_min;
mod layerwise;
mod order;
mod perturbation_gap;
mod plan;
mod quantity;
mod readouts;
mod sharpness;
mod target;
mod trace;
mod trace_per_tensor;

use strum::VariantArray;

pub use declared::{MeasurementInfo, Setting, SettingValue};
pub use plan::CurvaturePlan;
pub use quantity::{DeclaredQuantity, QuantityInfo, Scale, Unit};

pub use evaluator::{AveragedWeights, BestWeights};
pub(super) use evaluator::{Completion, Evaluator, EvaluatorInput, Snapshot};
pub(super) use readouts::{Divergence, PendingReadouts};

use declared::{Declared, Found, HessianMeasurement, Measurement};

/// The list of measurements that a preset may ask for: those of the one Hessian of a curvature measurement, which share its products
/// and its event and draw from its probe vectors in this order, then those with an event each.
macro_rules! measurements {
    (of_the_hessian: $($module:ident::$Hessian:ident),+; of_their_own: $($own_module:ident::$Own:ident),+;) => {
        $(pub use $module::$Hessian;)+
        $(pub use $own_module::$Own;)+

        /// Which measurement, in the order in which they are made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
        pub enum MeasurementKind {
            $(#[doc = concat!("See [`struct@", stringify!($Hessian), "`].")] $Hessian,)+
            $(#[doc = concat!("See [`struct@", stringify!($Own), "`].")] $Own,)+
        }

        impl MeasurementKind {
            /// What the measurement states of itself.
            pub const fn info(self) -> &'static MeasurementInfo {
                match self {
                    $(Self::$Hessian => &$Hessian::INFO,)+
                    $(Self::$Own => &$Own::INFO,)+
                }
            }
        }

        /// The settings of every measurement, asked for or not.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct MeasurementSettings {
            $(#[doc = concat!("Of [`struct@", stringify!($Hessian), "`].")] pub $module: $Hessian,)+
            $(#[doc = concat!("Of [`struct@", stringify!($Own), "`].")] pub $own_module: $Own,)+
        }

        impl MeasurementSettings {
            /// All of them as what they have in common.
            fn declared(&mut self) -> [&mut dyn Declared; [$(stringify!($Hessian),)+ $(stringify!($Own)),+].len()] {
                [$(&mut self.$module,)+ $(&mut self.$own_module),+]
            }

            fn of_the_hessian(&self) -> Vec<(MeasurementKind, &dyn HessianMeasurement)> {
                vec![$((MeasurementKind::$Hessian, &self.$module)),+]
            }

            fn of_their_own(&self) -> Vec<(MeasurementKind, &dyn Measurement)> {
                vec![$((MeasurementKind::$Own, &self.$own_module)),+]
            }
        }
    };
}

measurements! {
    of_the_hessian:
        lambda_min::LambdaMin,
        layerwise::LayerwiseLambda,
        trace_per_tensor::TracePerTensor,
        density::SpectralDensity;
    of_their_own:
        perturbation_gap::PerturbationGap,
        bound::PacBayesBound,
        sharpness::Sharpness,
        gradient_noise::GradientNoise;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn no_two_measurements_share_a_key() {
        let measurements: BTreeSet<&str> = MeasurementKind::VARIANTS.iter().map(|kind| kind.info().key).collect();
        assert_eq!(measurements.len(), MeasurementKind::VARIANTS.len());
        let keys: Vec<String> = MeasurementKind::VARIANTS
            .iter()
            .flat_map(|kind| kind.info().quantities)
            .map(|found| found.key.to_owned())
            .collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
        let mut settings = MeasurementSettings::default();
        let settings: Vec<&str> = settings.all().map(|setting| setting.key).collect();
        assert_eq!(settings.iter().collect::<BTreeSet<_>>().len(), settings.len(), "{settings:?}");
    }
}
