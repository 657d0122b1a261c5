//! Where sound goes that has no device: files, nowhere.

use crate::{AudioError, OutputSpec, wav::WavOutput};

/// What a paced output does with its sound.
#[derive(Debug)]
pub(crate) enum Drain {
    Null,
    File(Box<WavOutput>),
}

impl Drain {
    /// The drain that a specification names; none when it names a device.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub(crate) fn open(spec: &OutputSpec) -> Result<Option<Self>, AudioError> {
        Ok(match spec {
            OutputSpec::Default | OutputSpec::Device(_) => None,
            OutputSpec::File(path) => Some(Self::File(Box::new(WavOutput::create(path)?))),
            OutputSpec::Null => Some(Self::Null),
        })
    }

    /// Takes the next sound, 48 kHz mono.
    ///
    /// # Errors
    /// When the file cannot be written any more.
    pub(crate) fn write(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        match self {
            Self::Null => Ok(()),
            Self::File(file) => file.write(samples),
        }
    }
}
