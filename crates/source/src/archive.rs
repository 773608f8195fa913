//! A tree as a tar.gz whose bytes depend on nothing but the tree.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use krm::Tree;

/// Packs a tree as source-controller does: regular files and directories, no owner, no times, modes 0600, 0700 and 0750.
///
/// # Errors
/// Paths that a tar header cannot hold.
pub fn pack(tree: &Tree) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut made = std::collections::BTreeSet::new();
    for (path, file) in tree.files() {
        let mut at = 0;
        while let Some(slash) = path[at..].find('/') {
            at += slash;
            if made.insert(&path[..at]) {
                let mut header = header(tar::EntryType::Directory, 0o750, 0);
                tar.append_data(&mut header, format!("{}/", &path[..at]), std::io::empty())?;
            }
            at += 1;
        }
        let mode = if file.executable { 0o700 } else { 0o600 };
        let mut header = header(tar::EntryType::Regular, mode, file.bytes.len() as u64);
        tar.append_data(&mut header, path, &*file.bytes)?;
    }
    let mut gzip = tar.into_inner()?;
    gzip.flush()?;
    gzip.finish()
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_same_tree_gives_the_same_bytes() {
        let tree = Tree::from_texts([
            ("deploy/app/a.yaml", "a"),
            ("deploy/b.yaml", "b"),
            ("z", ""),
        ])
        .unwrap();
        let packed = pack(&tree).unwrap();
        assert_eq!(packed, pack(&tree.clone()).unwrap());
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*packed));
        let mut entries = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
            entries.push(format!(
                "{} {:o} {text}",
                entry.path().unwrap().display(),
                header.mode().unwrap()
            ));
        }
        assert_eq!(
            entries,
            [
                "deploy/ 750 ",
                "deploy/app/ 750 ",
                "deploy/app/a.yaml 600 a",
                "deploy/b.yaml 600 b",
                "z 600 "
            ]
        );
    }
}
