//! The Job for Kubernetes of docs/load.md, as far as it can be tried without a cluster.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::common::{Server, python_with};
use super::limits::rfc3339;
use super::{balances, load};

/// Prints the arguments of a Job, if the schema of Kubernetes allows it.
const CHECK: &str = "
import json, sys, yaml
import kubernetes_validate as schemas
job = yaml.safe_load(sys.stdin)
schemas.validate(job, schemas.latest_version(), strict=True)
print(json.dumps(job['spec']['template']['spec']['containers'][0]['args']))
";

fn arguments(python: &str, job: &str) -> Result<Vec<String>, String> {
    let mut child = Command::new(python)
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(job.as_bytes()).unwrap();
    drop(input);
    let end = child.wait_with_output().unwrap();
    if !end.status.success() {
        return Err(String::from_utf8(end.stderr).unwrap());
    }
    Ok(serde_json::from_slice(&end.stdout).unwrap())
}

#[test]
fn it_is_one_and_its_command_works() {
    let Some(python) = python_with("kubernetes_validate") else {
        return;
    };
    let page = include_str!("../../docs/load.md");
    let (_, job) = page.split_once("```yaml\n").unwrap();
    let (job, _) = job.split_once("```").unwrap();
    let start = rfc3339(SystemTime::now() + Duration::from_secs(3));
    let job = job.replace("START_AT", &start);
    let why = arguments(python, &job.replace("completions:", "completion:")).unwrap_err();
    assert!(why.contains("'completion' was unexpected"), "{why}");
    let server = Server::start(&["-q", "--allow-load"]);
    let target = server.addresses[0].to_string();
    let words = arguments(python, &job).unwrap();
    // Another target, less of it, and what Kubernetes puts in.
    let replaced = words.iter().map(|word| match word.as_str() {
        "192.0.2.7" => &target,
        "60" => "200ms",
        "50kpps" => "1kpps",
        "$(JOB_COMPLETION_INDEX)" => "7",
        word => word,
    });
    let replaced: Vec<_> = replaced.collect();
    let differ = words.iter().zip(&replaced).filter(|(old, new)| old != *new);
    assert_eq!((replaced[0], differ.count()), ("load", 4));
    let rest: Vec<_> = replaced[2..].to_vec();
    let (result, end) = load(&target, &rest);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    balances(&result["round_trip"]);
}
