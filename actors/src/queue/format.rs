//! What older stores have of queues, and what becomes of it.

use serde::Deserialize;

use super::job::JobState;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys;
use crate::store::{Key, StoreError, Versioned, decode};

/// Of a job as format 2 had it: no priority and no key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Old {
    id: JobId,
    queue: QueueName,
    org_id: OrgId,
    state: JobState,
    place: u64,
}

/// From format 2, where the jobs that wait for a queue stood in one row, to 3, where they stand in lines: what
/// takes an entry's place, or none where it stays.
///
/// # Errors
/// When a job is none.
pub fn into_lines(key: &[u8], found: &Versioned) -> Result<Option<Vec<(Key, Versioned)>>, StoreError> {
    if keys::is_waiting_in_row(key) {
        return Ok(Some(Vec::new()));
    }
    if !key.starts_with(&keys::jobs()) {
        return Ok(None);
    }
    let Old { id, queue, org_id, state, place } = decode(&found.value)?;
    if state != JobState::Waiting {
        return Ok(None);
    }
    let at = keys::job_waiting(&queue, keys::Side::Inside, (&org_id, 0, ""), place, id);
    let nothing = Versioned { version: found.version, value: Vec::new().into() };
    Ok(Some(vec![(key.to_vec(), found.clone()), (at, nothing)]))
}

/// From format 3 to 4, where it is noted of a job that others wait for it: what takes an entry's place, or none
/// where it stays.
#[must_use]
pub fn note_awaited(key: &[u8], found: &Versioned) -> Option<Vec<(Key, Versioned)>> {
    let awaited = keys::awaited(keys::parse_awaited(key)?);
    let nothing = Versioned { version: found.version, value: Vec::new().into() };
    Some(vec![(key.to_vec(), found.clone()), (awaited, nothing)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn jobs_that_wait_get_a_line_and_leave_the_row() {
        let id = JobId::new(Timestamp::from_millis(7));
        let queue = QueueName::new("automation").unwrap();
        let job = |state: &str| {
            let value =
                json!({"id": id, "queue": queue, "orgId": "o", "state": state, "place": 7, "other": 1});
            Versioned { version: 3, value: value.to_string().into() }
        };
        let nothing = Versioned { version: 3, value: Vec::new().into() };
        let key = keys::job(id);
        let moved = into_lines(&key, &job("waiting")).unwrap().unwrap();
        let at = keys::job_waiting(&queue, keys::Side::Inside, (&OrgId::new("o").unwrap(), 0, ""), 7, id);
        assert_eq!(moved, [(key.clone(), job("waiting")), (at.clone(), nothing.clone())]);
        assert!(at > key, "a migration meets what it wrote, and leaves it alone");
        assert_eq!(into_lines(&at, &nothing), Ok(None));
        assert_eq!(into_lines(&keys::job_in(&queue, b'w', 7, id), &nothing), Ok(Some(Vec::new())));
        assert_eq!(into_lines(&keys::job_in(&queue, b'd', 7, id), &nothing), Ok(None));
        assert_eq!(into_lines(&key, &job("delayed")), Ok(None));
        assert!(into_lines(&key, &nothing).is_err());
    }

    #[test]
    fn of_a_job_that_others_wait_for_it_is_noted() {
        let [first, second] = [1, 2].map(|at| JobId::new(Timestamp::from_millis(at)));
        let found = Versioned { version: 3, value: "\"automation\"".into() };
        let nothing = Versioned { version: 3, value: Vec::new().into() };
        let key = keys::dependent(first, second);
        let noted = note_awaited(&key, &found).unwrap();
        assert_eq!(noted, [(key.clone(), found.clone()), (keys::awaited(first), nothing.clone())]);
        assert!(keys::awaited(first) > key, "a migration meets what it wrote, and leaves it alone");
        assert_eq!(note_awaited(&keys::awaited(first), &nothing), None);
        assert_eq!(note_awaited(&keys::job(first), &nothing), None);
    }
}
