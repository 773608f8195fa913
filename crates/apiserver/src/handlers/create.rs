//! `create`, on collections and on subresources that take objects of their own.

use http::StatusCode;

use super::{other, written};
use crate::context::Context;
use crate::reply::Reply;
use crate::status::ApiError;
use crate::write::{self, Change};

/// Creates an object; answers a review or a token request.
pub(super) fn create(cx: &mut Context) -> Result<Reply, ApiError> {
    let options = cx.write_options("CreateOptions")?;
    let object = write::decode(cx, &options)?;
    if !cx.info.subresource.is_empty() || cx.resource.facts().list_kind.is_empty() {
        let object = crate::owners::answered(cx, &options, object);
        let answer = crate::auth::create_virtual(&cx.server, &cx.info, &cx.user, object)?;
        return Ok(other(StatusCode::CREATED, &answer));
    }
    let change = Change {
        object,
        is_owned: false,
    };
    let outcome = write::create(cx, change, &options)?;
    Ok(written(cx, StatusCode::CREATED, &outcome))
}
