//! What `udpraw learn` prints.

use std::io::{self, BufRead, BufReader};

use serde::Serialize;
use udpraw::language::Language;
use udpraw::trace::{Call, Diagram};

use super::envelope::json_event;
use super::trace::draw;
use super::wrap::{fill, width};
use super::{Output, style};
use crate::cli::interrupt::Interruptible;
use crate::cli::learn::exercises::{EXERCISES, Exercise};
use crate::cli::learn::text::{Text, in_language};
use crate::cli::learn::{Chapter, LESSONS, Lesson, Show};

/// An object of the course's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Record<'a> {
    /// A lesson is listed, or begins.
    Lesson {
        /// The lesson's name.
        name: &'a str,
        /// The title of its chapter.
        chapter: &'a str,
        /// The lesson's title.
        title: &'a str,
        /// Whether it was taken before; null where it begins.
        taken: Option<bool>,
    },
    /// What a lesson claims, and the question before its run.
    Claim {
        /// The claim.
        text: &'a str,
        /// What to predict.
        question: &'a str,
        /// The possible answers.
        choices: &'a [&'a str],
        /// The place of the right answer among them, from 0.
        answer: usize,
    },
    /// A program of a lesson made a system call.
    Call {
        /// The program's name.
        program: &'a str,
        /// The call, as strace(1) prints it.
        text: &'a str,
        /// What the call did.
        explanation: &'a str,
    },
    /// What happened, with the values of the run.
    Seen {
        /// The sentence.
        text: &'a str,
    },
    /// A command to try, and what to read.
    Attempt {
        /// The command.
        command: &'a str,
        /// What it is good for.
        text: &'a str,
        /// A man page or an RFC.
        source: &'a str,
    },
    /// An exercise is listed.
    Exercise {
        /// The exercise's name.
        name: &'a str,
        /// Its title.
        title: &'a str,
        /// Its task.
        text: &'a str,
        /// Whether it was passed before.
        passed: bool,
    },
    /// A program was checked.
    Verdict {
        /// The exercise's name.
        name: &'a str,
        /// Whether the program passed.
        passed: bool,
        /// What to change; null if it passed.
        hint: Option<&'a str>,
    },
    /// Anything else that is said.
    Remark {
        /// The text.
        text: &'a str,
    },
}

json_event!("udpraw.learn/1", enum Record<'_> {
    Lesson => "lesson",
    Claim => "claim",
    Call => "call",
    Seen => "seen",
    Attempt => "attempt",
    Exercise => "exercise",
    Verdict => "verdict",
    Remark => "remark",
});

impl Output {
    /// The lessons by chapter, and which of them were taken.
    pub(crate) fn learn_list(
        &mut self,
        text: &'static dyn Text,
        is_taken: impl Fn(&Lesson) -> bool,
    ) -> io::Result<()> {
        if self.is_json() {
            for lesson in LESSONS {
                self.record(&Record::Lesson {
                    name: lesson.name,
                    chapter: text.chapter(lesson.chapter),
                    title: (lesson.words)(text).title,
                    taken: Some(is_taken(lesson)),
                })?;
            }
            return Ok(());
        }
        let (heading, strong) = (style::HEADING, style::STRONG);
        for (number, chapter) in (1..).zip(Chapter::ALL) {
            let gap = if number > 1 { "\n" } else { "" };
            let title = text.chapter(chapter);
            self.line(format_args!("{gap}{heading}{number}. {title}{heading:#}"))?;
            for lesson in LESSONS.iter().filter(|it| it.chapter == chapter) {
                let mark = if is_taken(lesson) { "✓" } else { " " };
                let (name, title) = (lesson.name, (lesson.words)(text).title);
                let first = format!(" {mark} {strong}{name:13}{strong:#} ");
                self.line(fill(title, &first, LIST_INDENT))?;
            }
        }
        let done = LESSONS.iter().filter(|it| is_taken(it)).count();
        let progress = text.progress(done, LESSONS.len());
        let next = LESSONS.iter().find(|it| !is_taken(it));
        let go_on = next.map(|next| text.how_to_go_on(next.name));
        let go_on = go_on.unwrap_or_else(|| text.all_done().to_owned());
        self.line(format_args!("\n{progress}\n{go_on}"))
    }

    /// A sentence by itself.
    pub(crate) fn learn_remark(&mut self, text: &str) -> io::Result<()> {
        if self.is_json() {
            return self.record(&Record::Remark { text });
        }
        self.line(text)
    }

    /// The beginning of a lesson: its claim, and the question.
    pub(crate) fn learn_claim(&mut self, text: &dyn Text, lesson: &Lesson) -> io::Result<()> {
        let words = (lesson.words)(text);
        let chapter = text.chapter(lesson.chapter);
        if self.is_json() {
            self.record(&Record::Lesson {
                name: lesson.name,
                chapter,
                title: words.title,
                taken: None,
            })?;
            return self.record(&Record::Claim {
                text: words.claim,
                question: words.question,
                choices: &words.choices,
                answer: lesson.answer,
            });
        }
        let (heading, faint) = (style::HEADING, style::FAINT);
        let title = words.title;
        self.line(format_args!(
            "\n{heading}{title}{heading:#}  {faint}{chapter} · {}{faint:#}",
            lesson.name
        ))?;
        self.learn_part(text.claim(), words.claim)?;
        self.learn_part(text.predict(), words.question)?;
        for (number, choice) in (1..).zip(words.choices) {
            self.line(format_args!(
                "{}",
                fill(&format!("{number}. {choice}"), "  ", "     ")
            ))?;
        }
        Ok(())
    }

    /// A heading, and a paragraph below it.
    fn learn_part(&mut self, heading: &str, paragraph: &str) -> io::Result<()> {
        let strong = style::STRONG;
        let paragraph = fill(paragraph, "  ", "  ");
        self.line(format_args!("{strong}{heading}{strong:#}\n{paragraph}"))
    }

    /// Asks for a prediction, and answers it.
    pub(crate) fn learn_ask(&mut self, text: &dyn Text, lesson: &Lesson) -> io::Result<()> {
        self.text(text.choose())?;
        let mut line = String::new();
        BufReader::new(Interruptible::new(io::stdin())).read_line(&mut line)?;
        let Ok(number) = line.trim().parse::<usize>() else {
            return Ok(());
        };
        if number == lesson.answer + 1 {
            return self.line(text.right());
        }
        let choices = (lesson.words)(text).choices;
        let right = choices.get(lesson.answer).copied().unwrap_or_default();
        self.line(text.wrong(right))
    }

    /// The run of a lesson, and what it showed.
    pub(crate) fn learn_show(
        &mut self,
        language: Language,
        lesson: &Lesson,
        show: &Show,
    ) -> io::Result<()> {
        let text = in_language(language);
        self.learn_calls(language, show)?;
        let seen: Vec<String> = show.seen.iter().map(|sentence| sentence(text)).collect();
        let words = (lesson.words)(text);
        if self.is_json() {
            for text in &seen {
                self.record(&Record::Seen { text })?;
            }
            return self.record(&Record::Attempt {
                command: lesson.attempt,
                text: words.attempt,
                source: lesson.source,
            });
        }
        let strong = style::STRONG;
        self.line(format_args!("{strong}{}{strong:#}", text.happened()))?;
        for sentence in &seen {
            self.line(fill(sentence, "  • ", "    "))?;
        }
        let (command, name) = (lesson.attempt, style::NAME);
        let what = fill(words.attempt, "  ", "  ");
        let attempt = text.attempt();
        self.line(format_args!(
            "{strong}{attempt}{strong:#}\n{what}\n  {name}$ {command}{name:#}"
        ))?;
        self.learn_part(text.read_on(), lesson.source)
    }

    /// The system calls of the programs, and the sequence diagram.
    fn learn_calls(&mut self, language: Language, show: &Show) -> io::Result<()> {
        let text = in_language(language);
        if let Some(reason) = &show.scene.untraced {
            self.note(text.untraced(reason));
        }
        if self.is_json() {
            for traced in &show.scene.calls {
                self.record(&Record::Call {
                    program: traced.who,
                    text: &traced.call.line(),
                    explanation: &traced.call.explain_in(language),
                })?;
            }
            return Ok(());
        }
        if show.scene.calls.is_empty() {
            return Ok(());
        }
        let (strong, name, faint) = (style::STRONG, style::NAME, style::FAINT);
        self.line(format_args!("{strong}{}{strong:#}", text.run()))?;
        let mut diagram = Diagram::new();
        for traced in &show.scene.calls {
            diagram.add(&traced.call);
            let line = traced.call.line();
            let meaning = fill(
                &traced.call.explain_in(language),
                "           │   ",
                "           │   ",
            );
            self.line(format_args!(
                "{name}{:>10}{name:#} │ {line}\n{faint}{meaning}{faint:#}",
                traced.who
            ))?;
        }
        let drawn = draw(&diagram, language, width());
        self.text(&drawn)
    }
}

/// Stands before the further lines of a title in a list.
const LIST_INDENT: &str = "                 ";

/// How many of a program's calls are shown with a hint.
const SHOWN: usize = 16;

/// The program of a learner, in a line of a call.
const LEARNER: &str = "program";

impl Output {
    /// The exercises, and which of them were passed.
    pub(crate) fn learn_exercises(
        &mut self,
        text: &dyn Text,
        is_passed: impl Fn(&Exercise) -> bool,
    ) -> io::Result<()> {
        for exercise in EXERCISES {
            let task = (exercise.task)(text);
            let (name, title, passed) = (exercise.name, task.title, is_passed(exercise));
            if self.is_json() {
                self.record(&Record::Exercise {
                    name,
                    title,
                    text: task.task,
                    passed,
                })?;
                continue;
            }
            let (strong, mark) = (style::STRONG, if passed { "✓" } else { " " });
            let first = format!(" {mark} {strong}{name:13}{strong:#} ");
            self.line(fill(title, &first, LIST_INDENT))?;
        }
        if self.is_json() {
            return Ok(());
        }
        let done = EXERCISES.iter().filter(|it| is_passed(it)).count();
        self.line(format_args!(
            "\n{}",
            text.exercises_progress(done, EXERCISES.len())
        ))
    }

    /// What a learner's program did, and whether that passes.
    pub(crate) fn learn_verdict(
        &mut self,
        language: Language,
        name: &str,
        calls: &[Call],
        hint: Option<&str>,
    ) -> io::Result<()> {
        let text = in_language(language);
        if self.is_json() {
            for call in calls {
                self.record(&Record::Call {
                    program: LEARNER,
                    text: &call.line(),
                    explanation: &call.explain_in(language),
                })?;
            }
            return self.record(&Record::Verdict {
                name,
                passed: hint.is_none(),
                hint,
            });
        }
        let strong = style::STRONG;
        let Some(hint) = hint else {
            return self.line(format_args!("{strong}{}{strong:#}", text.passed(name)));
        };
        let left_out = calls.len().saturating_sub(SHOWN);
        if !calls.is_empty() {
            self.line(format_args!(
                "{strong}{}{strong:#}",
                text.its_calls(left_out)
            ))?;
        }
        for call in calls.iter().skip(left_out) {
            // A datagram of the exercise is long; its first bytes are enough here.
            let line: String = call.line().chars().take(MOST_OF_A_CALL).collect();
            self.line(format_args!("  {line}"))?;
        }
        self.line(format_args!("{strong}{}{strong:#}", text.not_yet(name)))?;
        self.learn_part(text.hint(), hint)
    }
}

/// The longest line of a call with a hint.
const MOST_OF_A_CALL: usize = 160;
