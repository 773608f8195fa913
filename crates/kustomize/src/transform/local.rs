//! Objects that are meant for local use only.

use crate::resmap::ResMap;

/// Drops what `config.kubernetes.io/local-config` marks, whatever it says but `false`.
pub(crate) fn apply(map: &mut ResMap) {
    map.list_mut().retain(|resource| {
        let pairs = resource.meta_pairs("annotations");
        let mark = pairs
            .iter()
            .find(|(key, _)| key == "config.kubernetes.io/local-config");
        mark.is_none_or(|(_, value)| value == "false")
    });
}
