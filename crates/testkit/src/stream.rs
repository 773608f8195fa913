//! The events of a watch, one by one.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use krm::Value;

use crate::target::{Body, BoxError};

/// A watch that stays open.
pub(crate) struct Stream {
    body: Body,
    buffer: BytesMut,
    /// Events read while waiting for more.
    taken: Vec<Value>,
}

impl Stream {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            taken: Vec::new(),
        }
    }

    /// The events that were read when waiting was given up.
    pub(crate) fn read_so_far(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.taken)
    }

    /// The next `count` events, fewer where the stream ends.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Vec<Value>, BoxError> {
        loop {
            while let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                if self.taken.len() == count {
                    break;
                }
                self.taken
                    .push(serde_json::from_slice(&self.buffer[..end])?);
                self.buffer.advance(end + 1);
            }
            if self.taken.len() == count {
                return Ok(std::mem::take(&mut self.taken));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None => return Ok(std::mem::take(&mut self.taken)),
            }
        }
    }
}
