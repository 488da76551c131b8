//! Adapters of wgpu: GPUs through Metal, DirectX 12 or Vulkan, and software in their place.

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, DeviceType, wgpu::WgpuInitError};

use super::{DeviceName, Offer};

/// Why there is no adapter.
const NONE: &str = "no adapter found; it needs a driver for Metal, DirectX 12 or Vulkan";

struct Adapter {
    device: Device,
    kind: Kind,
    /// Its own name, or why it cannot be opened; found when first asked for.
    name: OnceLock<Result<String, String>>,
}

/// What wgpu says of an adapter, the preferred first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Discrete(usize),
    Integrated(usize),
    Virtual(usize),
    /// It does not report its kind.
    Other,
    Software,
}

impl Kind {
    /// Found by comparison, since a device does not report its kind.
    fn of(device: &Device) -> Self {
        let is = |kind: &Self| kind.selector().is_some_and(|selector| Device::wgpu(selector) == *device);
        let indexed =
            (0..=usize::from(u8::MAX)).flat_map(|i| [Self::Discrete(i), Self::Integrated(i), Self::Virtual(i)]);
        std::iter::once(Self::Software).chain(indexed).find(is).unwrap_or(Self::Other)
    }

    fn selector(&self) -> Option<DeviceKind> {
        match self {
            Self::Discrete(index) => Some(DeviceKind::DiscreteGpu(*index)),
            Self::Integrated(index) => Some(DeviceKind::IntegratedGpu(*index)),
            Self::Virtual(index) => Some(DeviceKind::VirtualGpu(*index)),
            Self::Other => None,
            Self::Software => Some(DeviceKind::Cpu),
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Discrete(_) => "GPU",
            Self::Integrated(_) => "integrated GPU",
            Self::Virtual(_) => "virtual GPU",
            Self::Other => "adapter",
            Self::Software => "software on the CPU, no GPU",
        }
    }
}

/// The adapters of this machine in the order of their names; looked up once, so that a name stays with its adapter.
fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let found = Device::enumerate(DeviceType::Wgpu).into_vec().into_iter();
        let mut adapters: Vec<Adapter> =
            found.map(|device| Adapter { kind: Kind::of(&device), device, name: OnceLock::new() }).collect();
        adapters.sort_by(|a, b| a.kind.cmp(&b.kind));
        adapters
    })
}

impl Adapter {
    fn name(&self) -> Result<&str, String> {
        let name = self.name.get_or_init(|| {
            if let Some(kind) = self.kind.selector() {
                match Device::wgpu_options().device_kind(kind).init() {
                    // It is open already.
                    Ok(_) | Err(WgpuInitError::Registration { .. }) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(self.device.identity().map_or_else(String::new, |identity| identity.name))
        });
        name.as_deref().map_err(Clone::clone)
    }

    fn about(&self) -> Result<String, String> {
        let words = self.kind.words();
        self.name().map(|name| if name.is_empty() { words.to_owned() } else { format!("{words}, {name}") })
    }
}

/// Whether there is more than software.
pub fn has_gpu() -> bool {
    adapters().first().is_some_and(|adapter| adapter.kind != Kind::Software)
}

/// What an adapter is, in a few words.
pub fn about(index: usize) -> String {
    adapters().get(index).map_or_else(|| NONE.to_owned(), |adapter| adapter.about().unwrap_or_else(|reason| reason))
}

/// Every adapter, or that there is none.
pub fn offers() -> Vec<Offer> {
    let offer = |(index, adapter): (usize, &Adapter)| Offer {
        name: DeviceName::Wgpu(index).to_string(),
        about: adapter.about(),
    };
    let offers: Vec<Offer> = adapters().iter().enumerate().map(offer).collect();
    if offers.is_empty() { vec![Offer { name: "wgpu".to_owned(), about: Err(NONE.to_owned()) }] } else { offers }
}

/// Opens an adapter, or says why not.
pub fn open(index: usize) -> Result<Device, String> {
    match (adapters().get(index), adapters().len()) {
        (Some(adapter), _) => adapter.name().map(|_| adapter.device.clone()),
        (None, 0) => Err(NONE.to_owned()),
        (None, count) => Err(format!("adapters that this machine has: {count}, counted from 0")),
    }
}

/// The place of an adapter among its siblings.
pub fn index_of(device: &Device) -> Option<usize> {
    adapters().iter().position(|adapter| adapter.device == *device)
}
