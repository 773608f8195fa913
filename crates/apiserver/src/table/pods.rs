//! The row of a Pod, whose status is read off its containers.

use clock::Timestamp;
use krm::{Value, json};

use super::show::{age, is_true, list, number, or, text};

/// What is gathered over a Pod's containers.
#[derive(Default)]
struct Tally {
    ready: usize,
    restarts: i64,
    last_restart: String,
    reason: String,
}

impl Tally {
    fn restart(&mut self, container: &Value) {
        self.restarts += number(container, "/restartCount");
        let end = text(container, "/lastState/terminated/finishedAt");
        // RFC 3339 in UTC sorts as text.
        if end > self.last_restart.as_str() {
            end.clone_into(&mut self.last_restart);
        }
    }
}

/// Why a container ended.
fn ended(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn is_sidecar(pod: &Value, name: &str) -> bool {
    let mut containers = list(pod, "/spec/initContainers").iter();
    containers.any(|own| own["name"] == name && own["restartPolicy"] == "Always")
}

/// Whether the Pod is still initialising; its init containers' restarts and reasons go into `tally`, those of sidecars into
/// `sidecars`, too.
fn initialise(pod: &Value, tally: &mut Tally, sidecars: &mut Tally) -> bool {
    let total = list(pod, "/spec/initContainers").len();
    for (at, container) in list(pod, "/status/initContainerStatuses")
        .iter()
        .enumerate()
    {
        let is_sidecar = is_sidecar(pod, text(container, "/name"));
        tally.restart(container);
        if is_sidecar {
            sidecars.restart(container);
        }
        let terminated = container.pointer("/state/terminated");
        let waiting = text(container, "/state/waiting/reason");
        match terminated {
            Some(terminated) if number(terminated, "/exitCode") == 0 => continue,
            _ if is_sidecar && container["started"] == true => {
                tally.ready += usize::from(container["ready"] == true);
                continue;
            }
            Some(terminated) => tally.reason = format!("Init:{}", ended(terminated)),
            None if !matches!(waiting, "" | "PodInitializing") => {
                tally.reason = format!("Init:{waiting}");
            }
            None => tally.reason = format!("Init:{at}/{total}"),
        }
        return true;
    }
    false
}

/// Reads the Pod's containers, last first.
fn run(pod: &Value, tally: &mut Tally) {
    let (mut is_running, mut error) = (false, String::new());
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        tally.restart(container);
        let waiting = text(container, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut tally.reason);
        } else if let Some(terminated) = container.pointer("/state/terminated") {
            tally.reason = ended(terminated);
            if number(terminated, "/exitCode") != 0 {
                error.clone_from(&tally.reason);
            }
        } else if container["ready"] == true && container.pointer("/state/running").is_some() {
            is_running = true;
            tally.ready += 1;
        }
    }
    if tally.reason == "Completed" {
        if is_running && is_true(pod, "Ready") {
            "Running".clone_into(&mut tally.reason);
        } else if !error.is_empty() {
            tally.reason = error;
        } else if is_running {
            "NotReady".clone_into(&mut tally.reason);
        }
    }
}

/// The row of a Pod.
pub(super) fn row(pod: &Value, old: &str, now: Timestamp) -> Value {
    let phase = text(pod, "/status/phase");
    let mut tally = Tally {
        reason: or(text(pod, "/status/reason"), phase).to_owned(),
        ..Tally::default()
    };
    let conditions = list(pod, "/status/conditions").iter();
    let gated = "SchedulingGated";
    let mut scheduled = conditions.filter(|condition| condition["type"] == "PodScheduled");
    if scheduled.any(|condition| condition["reason"] == gated) {
        gated.clone_into(&mut tally.reason);
    }
    let mut sidecars = Tally::default();
    if !initialise(pod, &mut tally, &mut sidecars) || is_true(pod, "Initialized") {
        (tally.restarts, tally.last_restart) = (sidecars.restarts, sidecars.last_restart);
        run(pod, &mut tally);
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        if text(pod, "/status/reason") == "NodeLost" {
            "Unknown".clone_into(&mut tally.reason);
        } else if !matches!(phase, "Failed" | "Succeeded") {
            "Terminating".clone_into(&mut tally.reason);
        }
    }
    let restarts = match (tally.restarts, tally.last_restart.as_str()) {
        (0, _) | (_, "") => tally.restarts.to_string(),
        (restarts, last) => format!("{restarts} ({} ago)", age(last, now)),
    };
    let sidecars = list(pod, "/spec/initContainers").iter();
    let sidecars = sidecars
        .filter(|own| own["restartPolicy"] == "Always")
        .count();
    let total = list(pod, "/spec/containers").len() + sidecars;
    let gates = list(pod, "/spec/readinessGates");
    let open = gates
        .iter()
        .filter(|gate| is_true(pod, text(gate, "/conditionType")))
        .count();
    let gates = match gates.len() {
        0 => "<none>".to_owned(),
        all => format!("{open}/{all}"),
    };
    json!([
        text(pod, "/metadata/name"),
        format!("{}/{total}", tally.ready),
        tally.reason,
        restarts,
        old,
        or(text(pod, "/status/podIPs/0/ip"), "<none>"),
        or(text(pod, "/spec/nodeName"), "<none>"),
        or(text(pod, "/status/nominatedNodeName"), "<none>"),
        gates
    ])
}
