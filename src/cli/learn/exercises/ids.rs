//! A server executes a request once, however often it arrives.

use udpraw::error::Result;

use super::peer::{Peer, ask, start_server};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "ids",
    task: |text| text.ids_task(),
    skeleton: Skeleton::Server,
    judge,
};

/// The request, who sends it, and the only right reply.
const REQUESTS: [(&str, usize, &str); 4] = [
    ("7 add", 0, "7 1"),
    ("7 add", 0, "7 1"),
    ("7 add", 1, "7 2"),
    ("8 add", 0, "8 3"),
];

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let server = match start_server(trial)? {
        Ok(server) => server,
        Err(hint) => return Ok(hint),
    };
    let clients = [Peer::new()?, Peer::new()?];
    for (at, (request, client, right)) in REQUESTS.into_iter().enumerate() {
        let reply = match ask(trial, &clients[client], server, request.as_bytes()) {
            Ok(reply) => reply,
            Err(_) if at == 1 && trial.end().is_none() => {
                return Ok(hint(move |it| it.ids_duplicate_unanswered(request)));
            }
            Err(hint) => return Ok(hint),
        };
        if reply == right.as_bytes() {
            continue;
        }
        let reply = reply.escape_ascii().to_string();
        return Ok(match at {
            1 => hint(move |it| it.ids_executed_twice(request, &reply)),
            2 if reply == "7 1" => hint(move |it| it.ids_without_client(request, &reply)),
            _ => hint(move |it| it.ids_wrong_form(request, &reply)),
        });
    }
    Ok(Ok(()))
}
