//! HTTP: requests for a part of a file, redirects by our own rules, and who may see the token.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Uri};
use ureq::{Agent, Body};

use super::FetchError;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the start of an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends requests to one endpoint and to where it redirects.
pub(crate) struct Http {
    agent: Agent,
    endpoint: Uri,
    token: Option<String>,
    /// Whether addresses without TLS are used: only where the endpoint is one on this machine.
    is_plain_allowed: bool,
}

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    url: String,
    headers: HeaderMap,
    status: u16,
    body: Body,
}

impl Http {
    /// For the hub at `endpoint`, which alone is sent the token.
    ///
    /// # Errors
    ///
    /// [`FetchError::Address`] for an address that is none, or is not `https` and not on this machine.
    pub(crate) fn new(endpoint: &str, token: Option<String>) -> Result<Self, FetchError> {
        let fail = |reason: &str| FetchError::Address { url: endpoint.to_owned(), reason: reason.to_owned() };
        let uri: Uri = endpoint.parse().map_err(|_| fail("not an address"))?;
        let host = uri.host().ok_or_else(|| fail("it has no host"))?;
        let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        let is_plain_allowed = uri.scheme_str() == Some("http") && is_local;
        if uri.scheme_str() != Some("https") && !is_plain_allowed {
            return Err(fail("only https is used"));
        }
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .user_agent(concat!("slm-cli/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), endpoint: uri, token, is_plain_allowed })
    }

    /// Asks for `url`, from byte `from` on where that is given.
    ///
    /// # Errors
    ///
    /// [`FetchError`] when there is no answer, it is a refusal, or redirects lead too far or to another scheme.
    pub(crate) fn get(&self, url: &str, from: Option<u64>) -> Result<Answer, FetchError> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&url, from)?;
            match answer.status {
                200 | 206 => return Ok(answer),
                301 | 302 | 303 | 307 | 308 => {
                    let target = answer.header("location").unwrap_or_default();
                    url = self.redirected(&url, &target)?;
                }
                status => return Err(FetchError::Status { url, status }),
            }
        }
        Err(FetchError::Answer { url, reason: format!("more than {MAX_REDIRECTS} redirects") })
    }

    fn send(&self, url: &str, from: Option<u64>) -> Result<Answer, FetchError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| FetchError::Address { url: url.to_owned(), reason: "not an address".into() })?;
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(from) = from {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) = &self.token
            && uri.authority() == self.endpoint.authority()
        {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| FetchError::Network {
            host: uri.host().unwrap_or_default().to_owned(),
            reason: error.to_string(),
        })?;
        let (parts, body) = response.into_parts();
        Ok(Answer { url: url.to_owned(), headers: parts.headers, status: parts.status.as_u16(), body })
    }

    /// Where `url` redirects to: `target`, whole or relative.
    fn redirected(&self, url: &str, target: &str) -> Result<String, FetchError> {
        let fail = |reason: String| FetchError::Answer { url: url.to_owned(), reason };
        let whole = if target.starts_with('/') {
            let base: Uri = url.parse().map_err(|_| fail("not an address".into()))?;
            let (scheme, authority) = (base.scheme_str().unwrap_or("https"), base.authority());
            let authority = authority.map(ToString::to_string).unwrap_or_default();
            format!("{scheme}://{authority}{target}")
        } else {
            target.to_owned()
        };
        let is_plain = whole.starts_with("http://") && self.is_plain_allowed;
        if !whole.starts_with("https://") && !is_plain {
            let shown: String = whole.chars().take(200).collect();
            return Err(fail(format!("it redirects to `{shown}`, only https is used")));
        }
        Ok(whole)
    }
}

impl Answer {
    /// Whether the server sends the part that was asked for; else the whole file comes.
    pub(crate) fn is_part(&self) -> bool {
        self.status == 206
    }

    /// A header, as text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// The body as it comes.
    pub(crate) fn into_reader(self) -> impl Read {
        self.body.into_reader()
    }

    /// The whole body, of at most `limit` bytes.
    pub(crate) fn into_bytes(mut self, limit: u64) -> Result<Vec<u8>, FetchError> {
        let read = self.body.with_config().limit(limit).read_to_vec();
        read.map_err(|error| FetchError::Answer { url: self.url.clone(), reason: error.to_string() })
    }
}
