//! `check`: whether the cluster can run the toolkit, and whether what is installed is well.

use std::process::ExitCode;

use anyhow::bail;
use api::names;
use cluster::{Query, Resource};
use krm::status::{self, Status};
use krm::{Object, Value};

use super::Outcome;
use super::version::{deployments, images, installation};
use crate::follow::{self, Subject};
use crate::global::Global;
use crate::session::Session;
use crate::terminal;

/// The oldest Kubernetes that the toolkit runs on: minor version of 1.
const OLDEST: u64 = 33;

/// Check that the cluster can run the toolkit and that what is installed is well
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only what an installation needs
    #[arg(long)]
    pre: bool,
    /// Accepted for scripts; every installed controller is checked
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', hide = true)]
    components: Vec<String>,
    /// Accepted for scripts; every installed controller is checked
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', hide = true)]
    components_extra: Vec<String>,
    /// Accepted for scripts; the cluster is watched, not polled
    #[arg(long, value_name = "DURATION", hide = true)]
    poll_interval: Option<String>,
}

pub(crate) async fn run(global: &Global, args: &Args) -> Outcome {
    terminal::action("checking prerequisites");
    let mut session = Session::start(global).await?;
    let mut is_well = kubernetes(&session).await;
    if args.pre {
        if is_well {
            terminal::success("prerequisites checks passed");
        }
        return Ok(if is_well {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    terminal::action("checking version in cluster");
    is_well &= distribution(&session).await;
    terminal::action("checking controllers");
    is_well &= controllers(&session).await;
    terminal::action("checking crds");
    session.deadline = session.client.clock().after(global.timeout);
    is_well &= definitions(&session).await;
    if !is_well {
        bail!("check failed");
    }
    terminal::success("all checks passed");
    Ok(ExitCode::SUCCESS)
}

async fn kubernetes(session: &Session) -> bool {
    let answer = session.within(session.client.raw("/version")).await;
    let version = answer.map_err(|error| error.to_string()).and_then(|bytes| {
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(value["gitVersion"]
            .as_str()
            .unwrap_or_default()
            .trim_start_matches('v')
            .to_owned())
    });
    match version {
        Ok(version) if is_new_enough(&version) => {
            terminal::success(&format!("Kubernetes {version} >=1.{OLDEST}.0-0"));
            true
        }
        Ok(version) => {
            terminal::failure(&format!(
                "Kubernetes version {version} does not match >=1.{OLDEST}.0-0"
            ));
            false
        }
        Err(error) => {
            terminal::failure(&format!("Kubernetes API call failed: {error}"));
            false
        }
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version
        .split(['.', '-', '+'])
        .map(|number| number.parse::<u64>().ok());
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    major.zip(minor).is_some_and(|pair| pair >= (1, OLDEST))
}

async fn distribution(session: &Session) -> bool {
    match installation(session).await {
        Ok((distribution, is_bootstrapped)) => {
            if let Some(distribution) = distribution {
                terminal::success(&format!("distribution: {distribution}"));
            }
            terminal::success(&format!("bootstrapped: {is_bootstrapped}"));
            true
        }
        Err(error) => {
            terminal::failure(&format!("checking failed: {error}"));
            false
        }
    }
}

async fn controllers(session: &Session) -> bool {
    let found = match deployments(session).await {
        Ok(found) => found,
        Err(error) => {
            terminal::failure(&format!("checking failed: {error}"));
            return false;
        }
    };
    if found.is_empty() {
        let namespace = &session.namespace;
        terminal::failure(&format!(
            "no controllers found in the '{namespace}' namespace with the label selector '{}=flux'",
            names::PART_OF
        ));
        return false;
    }
    let resource = Resource::new("apps/v1", "Deployment", "deployments", true);
    let mut is_well = true;
    for deployment in &found {
        let subject = Subject {
            resource: &resource,
            namespace: &session.namespace,
            name: deployment.name(),
        };
        let judge = |object: &Object| match status::compute(object).status {
            Status::Current => Some(true),
            Status::Failed => Some(false),
            _ => None,
        };
        // What is decided already needs no waiting; one that is not may use up the time for those that are.
        let verdict = match judge(deployment) {
            Some(verdict) => verdict,
            None => {
                let wait = follow::until(&session.client, &subject, session.deadline, judge);
                wait.await.unwrap_or(false)
            }
        };
        if verdict {
            terminal::success(&format!("{}: deployment ready", deployment.name()));
        } else {
            terminal::failure(&format!("{}: deployment not ready", deployment.name()));
            is_well = false;
        }
        for image in images(deployment) {
            terminal::action(image);
        }
    }
    is_well
}

async fn definitions(session: &Session) -> bool {
    let resource = Resource::new(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    let query = Query::new().with("labelSelector", &format!("{}=flux", names::PART_OF));
    let found = match session
        .within(session.client.list(&resource, "", query))
        .await
    {
        Ok(found) => found.items,
        Err(error) => {
            terminal::failure(&format!("checking failed: {error}"));
            return false;
        }
    };
    if found.is_empty() {
        terminal::failure(&format!(
            "no crds found with the label selector '{}=flux'",
            names::PART_OF
        ));
        return false;
    }
    let mut is_well = true;
    for definition in &found {
        let versions = definition
            .pointer("/status/storedVersions")
            .and_then(Value::as_array);
        match versions
            .and_then(|versions| versions.last())
            .and_then(Value::as_str)
        {
            Some(version) => terminal::success(&format!("{}/{version}", definition.name())),
            None => {
                terminal::failure(&format!("no stored versions for {}", definition.name()));
                is_well = false;
            }
        }
    }
    is_well
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_is_new_enough_from_1_33_on() {
        for (version, expect) in [
            ("1.36.3", true),
            ("1.33.0-alpha.1", true),
            ("1.32.9", false),
            ("2.0.0", true),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), expect, "{version}");
        }
    }
}
