//! Differences that are known: steps of scripts that the embedded server does not answer as the real one does.
//!
//! They stand in `known-differences.txt` beside the scripts, one per line as `script | step | why`. A difference that is not
//! listed fails the test, and so does a listed one that is gone: the list can only say what is true.

use std::fs;
use std::path::Path;

use crate::corpus::CorpusError;
use crate::recording::Difference;

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Known(Vec<(String, String)>);

impl Known {
    /// Reads the list of a directory of scripts; a missing file is an empty list.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(dir: &Path) -> Result<Self, CorpusError> {
        let path = dir.join("known-differences.txt");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path).map_err(|error| CorpusError::Read(path, error))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let entries = lines.filter_map(|line| {
            let mut cells = line.split(" | ");
            Some((
                cells.next()?.trim().to_owned(),
                cells.next()?.trim().to_owned(),
            ))
        });
        Self(entries.collect())
    }

    /// What is wrong with the answers to `script`: differences that are not listed, and listed steps without one.
    pub fn judge(&self, script: &str, differences: &[Difference]) -> Vec<String> {
        let listed = |step: &str| {
            self.0
                .iter()
                .any(|(name, title)| name == script && title == step)
        };
        let mut wrong: Vec<String> = differences
            .iter()
            .filter(|difference| !listed(&difference.step))
            .map(Difference::to_string)
            .collect();
        for (_, step) in self.0.iter().filter(|(name, _)| name == script) {
            if !differences
                .iter()
                .any(|difference| difference.step == *step)
            {
                wrong.push(format!(
                    "{step}: is as recorded now, take it off the list of known differences"
                ));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(differing: &[&str], expect: &[&str]) {
        let known = Known::parse("# why\none | a | not built\ntwo | b | not built\n");
        let differences: Vec<Difference> = differing
            .iter()
            .map(|step| Difference {
                step: (*step).to_owned(),
                place: "/x".to_owned(),
            })
            .collect();
        assert_eq!(known.judge("one", &differences), expect);
    }

    #[test]
    fn the_list_is_exact() {
        check(&["a"], &[]);
        check(&["a", "b"], &["b: /x"]);
        check(
            &[],
            &["a: is as recorded now, take it off the list of known differences"],
        );
    }
}
