//! The texts of the exercises: tasks, and hints with the values that were observed.

use std::net::SocketAddr;
use std::time::Duration;

/// What an exercise asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) title: &'static str,
    /// What the program shall do, in lines for the head of the starter file.
    pub(crate) task: &'static str,
}

/// The texts of the exercises.
pub(crate) trait Exercises {
    fn exercises_title(&self) -> &'static str;
    fn exported(&self, pages: usize, folder: &str) -> String;
    fn passed(&self, exercise: &str) -> String;
    fn not_yet(&self, exercise: &str) -> String;
    fn hint(&self) -> &'static str;
    fn its_calls(&self, left_out: usize) -> String;
    fn written(&self, file: &str) -> String;
    fn how_to_check(&self, command: &str) -> String;
    fn exercises_progress(&self, done: usize, all: usize) -> String;
    fn cannot_run(&self, program: &str, reason: &str) -> String;

    // Any exercise.
    fn too_many_processes(&self, most: usize) -> String;
    fn too_many_calls(&self, most: usize) -> String;
    fn uring(&self) -> String;
    fn speaks_tcp(&self) -> String;
    fn no_socket(&self, seconds: u64) -> String;
    fn no_socket_ended(&self, last_line: &str) -> String;
    fn never_sent(&self, seconds: u64) -> String;
    fn never_bound(&self, port: u16) -> String;
    fn other_port(&self, bound: SocketAddr, port: u16) -> String;
    fn port_taken(&self, errno: i32) -> String;
    fn ended_early(&self, datagrams: usize, last_line: &str) -> String;
    fn never_received(&self) -> String;
    fn no_reply(&self, received: usize) -> String;
    fn reply_elsewhere(&self, to: SocketAddr, client: SocketAddr) -> String;
    fn reply_from_elsewhere(&self, from: SocketAddr, server: SocketAddr) -> String;
    fn never_ends(&self, seconds: u64) -> String;
    fn ends_with_success(&self) -> String;

    fn server_task(&self) -> Task;

    fn unicode_task(&self) -> Task;
    fn unicode_crashed(&self, byte: u8, last_line: &str) -> String;

    fn forged_task(&self) -> Task;
    fn forged_believed(&self, forger: SocketAddr, server: SocketAddr) -> String;
    fn forged_same_host(&self, forger: SocketAddr, server: SocketAddr) -> String;
    fn forged_gave_up(&self, forger: SocketAddr) -> String;
    fn forged_printed(&self, text: &str) -> String;

    fn retry_task(&self) -> Task;
    fn retry_never(&self, seconds: u64) -> String;
    fn retry_too_few(&self, sends: usize) -> String;
    fn retry_not_doubled(&self, attempt: usize, before: Duration, after: Duration) -> String;
    fn retry_never_gives_up(&self, sends: usize) -> String;

    fn refused_task(&self) -> Task;
    fn refused_not_connected(&self) -> String;
    fn refused_not_listened(&self) -> String;
    fn refused_went_on(&self, sends: usize) -> String;

    fn ids_task(&self) -> Task;
    fn ids_wrong_form(&self, request: &str, reply: &str) -> String;
    fn ids_executed_twice(&self, request: &str, reply: &str) -> String;
    fn ids_duplicate_unanswered(&self, request: &str) -> String;
    fn ids_without_client(&self, request: &str, reply: &str) -> String;

    fn large_task(&self) -> Task;
    fn large_too_long(&self, bytes: usize, most: usize) -> String;
    fn large_no_offset(&self, offset: u32, length: usize) -> String;
    fn large_little_endian(&self, offset: u32) -> String;
    fn large_wrong_data(&self, offset: u32) -> String;
    fn large_missing(&self, missing: usize, length: usize) -> String;

    fn share_task(&self) -> Task;
    fn share_no_option(&self, errno: i32) -> String;
    fn share_reuseaddr(&self, errno: i32) -> String;
    fn share_too_late(&self) -> String;
    fn share_silent(&self, flows: usize) -> String;

    fn broadcast_task(&self) -> Task;
    fn broadcast_no_permission(&self, errno: i32) -> String;
    fn broadcast_unicast(&self, to: SocketAddr) -> String;
    fn broadcast_too_few(&self, received: usize, replies: usize) -> String;

    fn copy_task(&self) -> Task;
    fn copy_wrong_form(&self, number: u32, expected: u32) -> String;
    fn copy_did_not_wait(&self, number: u32) -> String;
    fn copy_no_retransmission(&self, number: u32, seconds: u64) -> String;
    fn copy_incomplete(&self, bytes: usize, of: usize) -> String;
    fn copy_wrong_data(&self, number: u32) -> String;
    fn copy_no_end(&self) -> String;
}
