use super::*;

#[test]
fn only_the_pages_own_script_may_run() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(SCRIPT.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(
        SCRIPT_HASH, hash,
        "the script changed: write this hash beside it"
    );
    assert!(policy().contains(&hash));
}

#[test]
fn the_script_is_short_and_writes_text_only() {
    assert!(SCRIPT.lines().count() < 100);
    for unsafe_sink in [
        "innerHTML",
        "insertAdjacent",
        "document.write",
        "eval",
        "http",
    ] {
        assert!(!SCRIPT.contains(unsafe_sink), "{unsafe_sink}");
    }
}
