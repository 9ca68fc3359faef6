//! The course as static pages, with the results of a run: one page for each lesson and language, without
//! scripts.

use std::fs;
use std::io;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use udpraw::error::{Error, Result};
use udpraw::language::Language;
use udpraw::trace::Diagram;

use super::exercises::EXERCISES;
use super::text::{Text, in_language};
use super::{Chapter, LESSONS, Lesson, Show};

/// What marks a page as one of ours, which may be replaced.
const MARK: &str = "udpraw learn export";

/// The look of all pages: readable on a phone, and from the last row of a class.
const STYLE: &str = "\
body{max-width:60rem;margin:0 auto;padding:1rem;line-height:1.6;font-family:system-ui,sans-serif;\
color:#1b1b1b;background:#fdfdfd}\
h1{line-height:1.25}blockquote{margin:1rem 0;padding:.5rem 1rem;border-left:.3rem solid #2a6fb0;\
background:#eef4fa;font-size:1.15rem}\
pre,code{font-family:ui-monospace,monospace}pre{overflow-x:auto;background:#f3f3f3;padding:.6rem;\
font-size:.85rem;line-height:1.35}\
dt{overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:.85rem;margin-top:.6rem}\
dd{margin:0 0 0 1.5rem;color:#444}dt b{color:#2a6fb0}nav{display:flex;gap:1rem;flex-wrap:wrap;\
justify-content:space-between;margin:1rem 0}li{margin:.3rem 0}\
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}\
blockquote{background:#1d2a36}pre{background:#222}dd{color:#bbb}a{color:#7db8f0}dt b{color:#7db8f0}}";

/// Runs every lesson, and writes the pages into a folder, which is made. Returns how many.
///
/// # Errors
/// If a lesson does not show what it claims, if the folder holds files of others, or if it cannot be
/// written.
pub(crate) fn write(folder: &Path, draw: impl Fn(&Diagram, Language) -> String) -> Result<usize> {
    check(folder)?;
    let shows: Vec<Show> = LESSONS.iter().map(Lesson::show).collect::<Result<_>>()?;
    let mut pages = vec![("index.html".to_owned(), entrance())];
    for language in Language::ALL {
        let tag = language.tag();
        pages.push((format!("{tag}/index.html"), contents(language)));
        pages.push((format!("{tag}/exercises.html"), exercises(language)));
        for (at, show) in shows.iter().enumerate() {
            let name = LESSONS[at].name;
            pages.push((
                format!("{tag}/{name}.html"),
                lesson(language, at, show, &draw),
            ));
        }
    }
    for language in Language::ALL {
        let inner = folder.join(language.tag());
        fs::create_dir_all(&inner).map_err(|source| failed(&inner, source))?;
    }
    for (name, page) in &pages {
        let file = folder.join(name);
        fs::write(&file, &page.0).map_err(|source| failed(&file, source))?;
    }
    Ok(pages.len())
}

/// Whether the folder is ours to write: new, empty, or with pages of an earlier export.
fn check(folder: &Path) -> Result<()> {
    let is_ours = fs::read_to_string(folder.join("index.html")).is_ok_and(|it| it.contains(MARK));
    let is_used = fs::read_dir(folder).map(|mut entries| entries.next().is_some());
    match is_used {
        Ok(true) if !is_ours => {
            Err(
                Error::invalid("write to", folder.display(), "it holds other files")
                    .with_remedy("name a new or an empty folder"),
            )
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(folder, source)),
    }
}

/// Nothing but the page itself and its style.
const POLICY: &str = include_str!("../../report/policy.txt");

fn failed(path: &Path, source: io::Error) -> Error {
    Error::os("write", path.display(), source)
}

/// A page.
fn page(language: Language, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(MARK);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

/// The choice of a language.
fn entrance() -> Markup {
    let body = html! {
        h1 { "UDP" }
        ul {
            @for language in Language::ALL {
                li { a href=(format!("{}/index.html", language.tag())) { (language.name()) } }
            }
        }
    };
    page(Language::English, "UDP", &body)
}

/// Links to the same page in the other languages.
fn others(language: Language, name: &str) -> Markup {
    html! {
        @for other in Language::ALL.into_iter().filter(|other| *other != language) {
            a href=(format!("../{}/{name}.html", other.tag())) lang=(other.tag()) { (other.name()) }
        }
    }
}

/// The list of the lessons.
fn contents(language: Language) -> Markup {
    let text = in_language(language);
    let body = html! {
        nav { span {} (others(language, "index")) }
        h1 { "UDP" }
        @for chapter in Chapter::ALL {
            h2 { (text.chapter(chapter)) }
            ol {
                @for lesson in LESSONS.iter().filter(|it| it.chapter == chapter) {
                    li { a href=(format!("{}.html", lesson.name)) { ((lesson.words)(text).title) } }
                }
            }
        }
        p { a href="exercises.html" { (text.exercises_title()) } }
    };
    page(language, "UDP", &body)
}

/// The tasks of the exercises.
fn exercises(language: Language) -> Markup {
    let text = in_language(language);
    let body = html! {
        nav { a href="index.html" { "UDP" } (others(language, "exercises")) }
        h1 { (text.exercises_title()) }
        @for exercise in EXERCISES {
            @let task = (exercise.task)(text);
            h2 { (task.title) }
            @for line in task.task.lines() { (line) br; }
            pre { "udpraw learn start " (exercise.name) "\n"
                (exercise.check_command(super::exercises::starter::Programming::Python)) }
        }
    };
    page(language, text.exercises_title(), &body)
}

/// A lesson with the result of its run.
fn lesson(
    language: Language,
    at: usize,
    show: &Show,
    draw: impl Fn(&Diagram, Language) -> String,
) -> Markup {
    let (text, lesson) = (in_language(language), &LESSONS[at]);
    let words = (lesson.words)(text);
    let right = words
        .choices
        .get(lesson.answer)
        .copied()
        .unwrap_or_default();
    let mut diagram = Diagram::new();
    show.scene
        .calls
        .iter()
        .for_each(|traced| diagram.add(&traced.call));
    let body = html! {
        (neighbours(language, at))
        p { (text.chapter(lesson.chapter)) }
        h1 { (words.title) }
        blockquote { (words.claim) }
        h2 { (text.predict()) }
        p { (words.question) }
        ol { @for choice in words.choices { li { (choice) } } }
        details { summary { (text.the_answer()) } p { (right) } }
        h2 { (text.run()) }
        (calls(language, show))
        pre { (draw(&diagram, language)) }
        h2 { (text.happened()) }
        ul { @for sentence in &show.seen { li { (sentence(text)) } } }
        h2 { (text.attempt()) }
        p { (words.attempt) }
        pre { "$ " (lesson.attempt) }
        h2 { (text.read_on()) }
        p { (lesson.source) }
        (neighbours(language, at))
    };
    page(language, words.title, &body)
}

/// The calls, each with its explanation.
fn calls(language: Language, show: &Show) -> Markup {
    html! {
        @if let Some(reason) = &show.scene.untraced {
            p { (in_language(language).untraced(reason)) }
        }
        dl {
            @for traced in &show.scene.calls {
                dt { b { (traced.who) } " " (traced.call.line()) }
                dd { (traced.call.explain_in(language)) }
            }
        }
    }
}

/// The lessons before and after, the list, and the other languages.
fn neighbours(language: Language, at: usize) -> Markup {
    let text: &dyn Text = in_language(language);
    let before = at.checked_sub(1).and_then(|at| LESSONS.get(at));
    let after = LESSONS.get(at + 1);
    html! {
        nav {
            @if let Some(lesson) = before {
                a href=(format!("{}.html", lesson.name)) { "← " ((lesson.words)(text).title) }
            }
            a href="index.html" { "UDP" }
            (others(language, LESSONS[at].name))
            @if let Some(lesson) = after {
                a href=(format!("{}.html", lesson.name)) { ((lesson.words)(text).title) " →" }
            }
        }
    }
}
