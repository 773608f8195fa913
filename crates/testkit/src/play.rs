//! Plays a script on a target.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use clock::Clock;
use http::{HeaderMap, Request, header};
use krm::{Value, json};
use thiserror::Error;

use crate::normal::Normal;
use crate::pattern;
use crate::recording::{Answer, Recording};
use crate::script::{Action, Call, Form, Script, Step, Until};
use crate::stream::Stream;
use crate::target::{self, BoxError, Target, Who};
use crate::yaml;

/// How often it is looked for.
const PACE: Duration = Duration::from_millis(25);

/// Where a script is played.
pub struct Stage<'a> {
    /// Who answers.
    pub target: &'a dyn Target,
    /// The clock by which it is waited.
    pub clock: Clock,
    /// The namespace of this run; names of cluster-scoped objects are made from it.
    pub namespace: String,
    /// How long an answer that is to come, or an event, is waited for.
    pub patience: Duration,
}

/// A script that could not be played to its end; a wrong answer is no reason.
#[derive(Debug, Error)]
#[error("{step}: {cause}")]
pub struct PlayError {
    /// The step.
    pub step: String,
    /// What went wrong.
    pub cause: BoxError,
}

/// Sends every step and normalises what comes back.
///
/// # Errors
/// When a request cannot be made or sent, or an answer breaks off.
pub async fn play(script: &Script, stage: &Stage<'_>) -> Result<Recording, PlayError> {
    let mut player = Player {
        stage,
        normal: Normal::new(&stage.namespace),
        variables: BTreeMap::from([("ns".to_owned(), stage.namespace.clone())]),
        watches: BTreeMap::new(),
    };
    for (name, value) in &script.variables {
        let value = player.replace(value);
        player.variables.insert(name.clone(), value);
    }
    let named = |step: &str| {
        let step = step.to_owned();
        move |cause| PlayError { step, cause }
    };
    let mut answers = Vec::new();
    if script.namespaced {
        player
            .make_namespace()
            .await
            .map_err(named("making the namespace"))?;
    }
    let mut failed = None;
    for step in &script.steps {
        match player.step(step).await {
            Ok(answer) => answers.push(answer),
            Err(cause) => {
                failed = Some(named(&step.title)(cause));
                break;
            }
        }
    }
    player
        .clean_up(script)
        .await
        .map_err(named("cleaning up"))?;
    match failed {
        Some(error) => Err(error),
        None => Ok(Recording(answers)),
    }
}

struct Player<'a> {
    stage: &'a Stage<'a>,
    normal: Normal,
    variables: BTreeMap<String, String>,
    watches: BTreeMap<String, Stream>,
}

/// An answer before it is normalised.
struct Raw {
    code: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Result<Answer, BoxError> {
        match &step.action {
            Action::Send(call) => {
                let raw = self.send_until(call, step.until.as_ref()).await?;
                self.answer(step, &raw, is_watch(&call.path))
            }
            Action::Watch(name, call) => {
                let response = self
                    .stage
                    .target
                    .send(who(call), self.request(call)?)
                    .await?;
                let (parts, body) = response.into_parts();
                let mut raw = Raw {
                    code: parts.status.as_u16(),
                    headers: parts.headers,
                    body: Bytes::new(),
                };
                if parts.status.is_success() {
                    self.watches.insert(name.clone(), Stream::new(body));
                } else {
                    raw.body = target::collect(body).await?;
                }
                self.answer(step, &raw, false)
            }
            Action::Events(name, count) => {
                let deadline = self.stage.clock.after(self.stage.patience);
                let stream = self.watches.get_mut(name).ok_or("no such watch")?;
                let taken = self
                    .stage
                    .clock
                    .timeout_at(deadline, stream.take(*count))
                    .await;
                let events = match taken {
                    Ok(events) => events?,
                    Err(_) => stream.read_so_far(),
                };
                let mut events = Value::Array(events);
                self.save(step, &events)?;
                step.trim(&mut events);
                Ok(Answer {
                    step: step.title.clone(),
                    code: 200,
                    body: self.normal.value(&events),
                    ..Answer::default()
                })
            }
        }
    }

    async fn send_until(&mut self, call: &Call, until: Option<&Until>) -> Result<Raw, BoxError> {
        let deadline = self.stage.clock.after(self.stage.patience);
        loop {
            let raw = self.send(call).await?;
            let reached = match until {
                None => true,
                Some(Until::Code(code)) => raw.code == *code,
                Some(Until::Is(pointer, expected)) => {
                    let body: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
                    let expected = self.replace(expected);
                    body.pointer(pointer)
                        .is_some_and(|value| printed(value) == expected)
                }
            };
            if reached || self.stage.clock.now() > deadline {
                return Ok(raw);
            }
            self.stage.clock.sleep(PACE).await;
        }
    }

    async fn send(&mut self, call: &Call) -> Result<Raw, BoxError> {
        let deadline = self.stage.clock.after(self.stage.patience * 3);
        let answer = self.stage.target.send(who(call), self.request(call)?);
        let work = async {
            let (parts, body) = answer.await?.into_parts();
            let body = target::collect(body).await?;
            Ok::<_, BoxError>(Raw {
                code: parts.status.as_u16(),
                headers: parts.headers,
                body,
            })
        };
        self.stage.clock.timeout_at(deadline, work).await?
    }

    fn request(&self, call: &Call) -> Result<Request<Bytes>, BoxError> {
        let mut builder = Request::builder()
            .method(call.method.as_str())
            .uri(encode(&self.replace(&call.path)));
        let mut content_type = "application/json".to_owned();
        for (name, value) in &call.headers {
            if name.eq_ignore_ascii_case("content-type") {
                content_type.clone_from(value);
            } else {
                builder = builder.header(name, self.replace(value));
            }
        }
        let headers = builder.headers_ref().ok_or("a header is not one")?;
        let defaults = [
            (header::ACCEPT, "application/json"),
            (header::USER_AGENT, "script/1"),
        ];
        let missing: Vec<_> = defaults
            .into_iter()
            .filter(|(name, _)| !headers.contains_key(name))
            .collect();
        for (name, value) in missing {
            builder = builder.header(name, value);
        }
        if call.body.is_empty() {
            return Ok(builder.body(Bytes::new())?);
        }
        let text = self.replace(&call.body);
        let body: Bytes = match call.form {
            Form::Document if !content_type.contains("yaml") => {
                yaml::to_json(&text)?.to_string().into()
            }
            Form::Document | Form::Raw => text.into(),
            Form::Base64 => BASE64_STANDARD
                .decode(text.split_whitespace().collect::<String>())?
                .into(),
        };
        Ok(builder
            .header(header::CONTENT_TYPE, content_type)
            .body(body)?)
    }

    fn answer(&mut self, step: &Step, raw: &Raw, streams: bool) -> Result<Answer, BoxError> {
        let media_type = raw.headers.get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut answer = Answer {
            step: step.title.clone(),
            code: raw.code,
            ..Answer::default()
        };
        let mut body = if streams && raw.code == 200 {
            let documents = serde_json::Deserializer::from_slice(&raw.body).into_iter();
            Value::Array(documents.collect::<Result<_, _>>()?)
        } else {
            let text = || String::from_utf8_lossy(&raw.body).into_owned();
            match serde_json::from_slice(&raw.body) {
                Ok(value) => value,
                Err(_) if raw.body.is_empty() => Value::Null,
                Err(_) => Value::String(text()),
            }
        };
        self.save(step, &body)?;
        if step.only_code {
            return Ok(answer);
        }
        step.trim(&mut body);
        answer.body = self.normal.value(&body);
        if media_type != "application/json" {
            media_type.clone_into(&mut answer.media_type);
        }
        let warnings = raw.headers.get_all(header::WARNING).iter();
        for warning in warnings.filter_map(|value| value.to_str().ok()) {
            answer.warnings.push(self.normal.text(warning));
        }
        Ok(answer)
    }

    fn save(&mut self, step: &Step, body: &Value) -> Result<(), BoxError> {
        for (name, pointer) in &step.save {
            let value = body
                .pointer(pointer)
                .ok_or_else(|| format!("nothing at {pointer} to save: {body}"))?;
            self.variables.insert(name.clone(), printed(value));
        }
        Ok(())
    }

    fn replace(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        text
    }

    /// Makes the run's namespace and waits for what every namespace gets.
    async fn make_namespace(&mut self) -> Result<(), BoxError> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.stage.namespace}});
        let call = Call {
            method: "POST".to_owned(),
            path: "/api/v1/namespaces".to_owned(),
            body: namespace.to_string(),
            ..Call::default()
        };
        let made = self.send(&call).await?;
        if made.code != 201 {
            return Err(String::from_utf8_lossy(&made.body).into());
        }
        for path in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
            let call = get(&format!("/api/v1/namespaces/${{ns}}/{path}"));
            let found = self.send_until(&call, Some(&Until::Code(200))).await?;
            if found.code != 200 {
                return Err(format!("the namespace gets no {path}").into());
            }
        }
        Ok(())
    }

    async fn clean_up(&mut self, script: &Script) -> Result<(), BoxError> {
        self.watches.clear();
        let namespace = script
            .namespaced
            .then(|| "/api/v1/namespaces/${ns}".to_owned());
        for path in script.cleanup.iter().chain(&namespace) {
            let mut call = get(path);
            "DELETE".clone_into(&mut call.method);
            self.send(&call).await?;
        }
        Ok(())
    }
}

impl Step {
    /// Leaves out and sorts what the script says.
    fn trim(&self, body: &mut Value) {
        for pattern in &self.drop {
            pattern::remove(body, pattern);
        }
        for pattern in &self.sort {
            pattern::sort(body, pattern);
        }
    }
}

fn who(call: &Call) -> Who {
    if call.nobody {
        Who::Nobody
    } else {
        Who::Administrator
    }
}

fn get(path: &str) -> Call {
    Call {
        method: "GET".to_owned(),
        path: path.to_owned(),
        ..Call::default()
    }
}

fn is_watch(path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=1" | "watch=true" | "watch"))
}

/// A string as it is, anything else as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-encodes what a script may write plainly.
fn encode(path: &str) -> String {
    let mut out = String::new();
    for character in path.chars() {
        match character {
            ' ' | '"' | '<' | '>' | '{' | '}' | '|' | '^' | '`' | '\\' => {
                out += &format!("%{:02X}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}
