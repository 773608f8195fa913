//! Randomness as an argument: object uids, generated name suffixes, jitter.

use std::sync::Arc;

use parking_lot::Mutex;

/// A source of names and jitter; the same seed gives the same sequence. Not for keys or tokens: those come from the TLS
/// library's generator. Cheap to clone; clones share the sequence.
#[derive(Clone, Debug)]
pub struct Seed(Arc<Mutex<fastrand::Rng>>);

/// The alphabet of Kubernetes' generated names: no vowels and no look-alikes (apimachinery `util/rand`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Seed {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A sequence nobody has seen before.
    pub fn random() -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::new())))
    }

    /// A version 4 UUID in its usual text form.
    pub fn uid(&self) -> String {
        let mut bits = self.0.lock().u128(..);
        bits = (bits & !(0xf << 76)) | (0x4 << 76);
        bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }

    /// `length` characters of Kubernetes' name alphabet, as `generateName` appends five of.
    pub fn suffix(&self, length: usize) -> String {
        let mut rng = self.0.lock();
        (0..length)
            .map(|_| char::from(ALPHABET[rng.usize(..ALPHABET.len())]))
            .collect()
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn fraction(&self) -> f64 {
        self.0.lock().f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = Seed::new(7).uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert!(matches!(&uid[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(uid, Seed::new(7).uid());
    }
}
