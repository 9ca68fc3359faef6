//! `udpraw tour`.

use std::sync::atomic::Ordering;

use crate::cli::args::tour::TourArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::tour::{LESSONS, Lesson};

pub(crate) fn run(arguments: TourArguments, output: &mut Output) -> Outcome {
    if arguments.list {
        for lesson in LESSONS {
            output.lesson(lesson.name, lesson.title)?;
        }
        return Ok(Exit::Yes);
    }
    let lessons: Vec<&Lesson> = match arguments.lessons.as_slice() {
        [] => LESSONS.iter().collect(),
        chosen => chosen.to_vec(),
    };
    // So that the lesson can end the processes that it started.
    let stop = interrupt::handle()?.stop;
    for (number, lesson) in (1..).zip(lessons) {
        output.lesson_heading(number, lesson.name, lesson.title)?;
        (lesson.give)(output)?;
        if stop.load(Ordering::Relaxed) {
            crate::signal::end();
        }
    }
    output.next_steps(&NEXT)?;
    Ok(Exit::Yes)
}

/// What to try after the lessons.
const NEXT: [(&str, &str); 5] = [
    ("udpraw server", "a server, in one terminal"),
    ("udpraw client", "its client, in another"),
    (
        "udpraw relay --listen :5300 --to :1060 --loss 20%",
        "a bad network between the two; then: udpraw client :5300",
    ),
    ("udpraw ports 1060", "who holds the port"),
    (
        "udpraw trace -- udpraw client",
        "each system call, explained",
    ),
];
