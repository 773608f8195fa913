//! `commonAnnotations`.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::fieldspec;
use crate::resmap::ResMap;

pub(super) fn apply(map: &mut ResMap, pairs: &BTreeMap<String, String>) -> Result<(), Error> {
    super::labels::set_everywhere(map, pairs, fieldspec::defaults().of("commonAnnotations"))
}
