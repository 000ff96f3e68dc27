//! The whole program, tried from outside: one binary, a module for each concern.

mod commands;
mod control;
mod decisions;
mod documents;
mod faults;
mod harness;
mod help;
mod hostile;
mod interrupted;
mod postgres;
mod robust;
mod simulated;
mod targets;
mod traces;
mod workspace;
