//! Downloads a folder of the Hugging Face hub, when the user asks for it: nothing else here touches the network.
//!
//! The hub lists a repository's files with their sizes and hashes ([`listing`]); what a model needs of them is chosen
//! ([`selection`], by how the weights lie there: [`form`]), the disk is asked for room ([`space`]), and each file comes over
//! HTTP ([`http`]) into a `.part` file that a later run goes on with ([`download`]), is compared with its hash ([`verify`]), and only then gets its name.

pub(crate) mod download;
pub(crate) mod error;
mod form;
pub(crate) mod http;
pub(crate) mod listing;
pub(crate) mod repo;
pub(crate) mod selection;
pub(crate) mod space;
pub(crate) mod verify;

pub(crate) use error::FetchError;
