//! `udpraw tour`.

use std::sync::atomic::Ordering;

use udpraw::language::Language;

use crate::cli::args::tour::TourArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::tour::{LESSONS, Lesson};

pub(crate) fn run(arguments: TourArguments, output: &mut Output) -> Outcome {
    output.speak(arguments.language.language());
    if arguments.list {
        for lesson in LESSONS {
            output.lesson(lesson.name, (lesson.title)(output.language()))?;
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
        output.lesson_heading(number, lesson.name, (lesson.title)(output.language()))?;
        (lesson.give)(output)?;
        if stop.load(Ordering::Relaxed) {
            crate::signal::end();
        }
    }
    let language = output.language();
    output.next_steps(match language {
        Language::English => &NEXT,
        Language::Chinese => &NEXT_IN_CHINESE,
    })?;
    Ok(Exit::Yes)
}

/// [`NEXT`] in Chinese.
const NEXT_IN_CHINESE: [(&str, &str); 6] = [
    ("udpraw server", "在一个终端里启动服务器"),
    ("udpraw client", "在另一个终端里启动客户端"),
    (
        "udpraw relay --listen :5300 --to :1060 --loss 20%",
        "两者之间的坏网络；然后：udpraw client :5300",
    ),
    ("udpraw ports 1060", "谁占用这个端口"),
    ("udpraw trace -- udpraw client", "解释每个系统调用"),
    ("udpraw learn", "全部课程和练习"),
];

/// What to try after the lessons.
const NEXT: [(&str, &str); 6] = [
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
    ("udpraw learn", "the whole course, and its exercises"),
];
