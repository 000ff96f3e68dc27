//! The whole program, tried from outside: one binary, a module for each concern.

mod workspace;
