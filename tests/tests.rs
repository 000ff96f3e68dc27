//! The whole program, tried from outside: one binary, a module for each concern.

mod commands;
mod documents;
mod faults;
mod harness;
mod interrupted;
mod traces;
mod workspace;
