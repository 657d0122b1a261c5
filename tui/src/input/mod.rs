//! From keys to actions, and from typed lines to commands. Pure: reads no
//! terminal.

pub(crate) mod action;
pub(crate) mod chord;
pub(crate) mod command;
pub(crate) mod complete;
pub(crate) mod keymap;
pub(crate) mod keys_doc;
pub(crate) mod keys_file;
pub(crate) mod synonyms;
pub(crate) mod table;
