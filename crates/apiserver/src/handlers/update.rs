//! `update`: the whole object, as the client wants it.

use krm::Value;

use super::{created_or_ok, written};
use crate::context::Context;
use crate::reply::Reply;
use crate::status::ApiError;
use crate::write::{self, Change, IfAbsent};
use crate::{meta, strategy};

pub(super) fn update(cx: &mut Context) -> Result<Reply, ApiError> {
    let options = cx.write_options("UpdateOptions")?;
    let mut object = write::decode(cx, &options)?;
    check_identity(cx, &object)?;
    meta::place(cx, &mut object)?;
    let is_main = cx.info.subresource.is_empty();
    let if_absent = if is_main && strategy::allows_create_on_update(&cx.resource) {
        IfAbsent::Create
    } else {
        IfAbsent::Refuse
    };
    let (outcome, is_new) = write::update(cx, if_absent, &options, &mut |_, _| {
        Ok(Change {
            object: object.clone(),
            is_owned: false,
        })
    })?;
    Ok(written(cx, created_or_ok(is_new), &outcome))
}

/// Holds the object's name and namespace against the URL's.
pub(super) fn check_identity(cx: &Context, object: &Value) -> Result<(), ApiError> {
    let (name, namespace) = (meta::text(object, "name"), meta::text(object, "namespace"));
    let (url, wanted) = (&cx.info.name, &cx.info.namespace);
    if name.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({url} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != url {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({url})"
        )));
    }
    if cx.resource.namespaced() && !namespace.is_empty() && namespace != wanted {
        return Err(ApiError::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({wanted})"
        )));
    }
    Ok(())
}
