//! The hash of a Pod template, as a label and part of a name.

use krm::Value;

const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A short stable name of a template: FNV-1a over its sorted JSON, written so that no bad word comes out. Not upstream's number,
/// which hashes Go's memory layout, but of its form.
pub(crate) fn of(template: &Value, collisions: i64) -> String {
    let mut text = template.to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}

/// An address in the Pods' network that belongs to `uid`, the `attempt`th choice.
pub(crate) fn address(uid: &str, attempt: u32) -> String {
    let hash = uid.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let host = hash.wrapping_add(attempt) % 0xfffe + 1;
    format!("10.244.{}.{}", host >> 8, host & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use krm::json;

    #[test]
    fn a_hash_is_stable_and_of_the_alphabet() {
        let hash = of(&json!({"spec": {}}), 0);
        assert_eq!(hash, of(&json!({"spec": {}}), 0));
        assert_ne!(hash, of(&json!({"spec": {}}), 1));
        assert!(hash.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
