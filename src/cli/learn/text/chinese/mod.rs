//! The course in Chinese.

mod beyond;
mod exercises;
mod finding;
mod ports;
mod socket;
mod unreliable;

use super::Frame;
use crate::cli::learn::Chapter;

/// Chinese.
pub(super) struct Chinese;

#[rustfmt::skip]
impl Frame for Chinese {
    fn chapter(&self, chapter: Chapter) -> &'static str {
        match chapter {
            Chapter::Finding => "找到对方",
            Chapter::Ports => "端口",
            Chapter::Socket => "套接字",
            Chapter::Unreliable => "UDP 留给你的事",
            Chapter::Beyond => "书本之外",
        }
    }
    fn progress(&self, done: usize, all: usize) -> String { format!("已学 {done} 课，共 {all} 课。") }
    fn how_to_go_on(&self, next: &str) -> String { format!("继续学习：udpraw learn next（下一课是 {next}）") }
    fn all_done(&self) -> &'static str { "所有课程都学完了。接下来做练习：udpraw learn exercises" }
    fn claim(&self) -> &'static str { "论断" }
    fn predict(&self) -> &'static str { "预测" }
    fn choose(&self) -> &'static str { "你的预测（1、2 或 3；按回车跳过）：" }
    fn right(&self) -> &'static str { "答对了。" }
    fn wrong(&self, right: &str) -> String { format!("答案是另一个：{right}") }
    fn run(&self) -> &'static str { "运行" }
    fn the_answer(&self) -> &'static str { "答案" }
    fn happened(&self) -> &'static str { "发生了什么" }
    fn attempt(&self) -> &'static str { "试一试" }
    fn read_on(&self) -> &'static str { "延伸阅读" }
    fn untraced(&self, reason: &str) -> String { format!("无法显示系统调用：{reason}") }
    fn reset(&self, file: &str) -> String { format!("{file} 里的学习进度已删除。") }
    fn no_such_language(&self, locale: &str) -> String { format!("还没有 {locale} 对应语言的课程") }
    fn state_set_aside(&self, file: &str, kept: &str) -> String { format!("{file} 已损坏，或者来自别的版本：学习进度重新开始，旧文件保留为 {kept}") }
    fn state_not_saved(&self, reason: &str) -> String { format!("学习进度没有保存：{reason}") }
    fn shown(&self, lessons: usize) -> String { format!("{lessons} 课都如其论断。") }
}
