use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::archive::fixture::{all, at, authentication, item, map, session};

fn lines_of(record: &Record) -> Vec<String> {
    let mut out = Vec::new();
    record.write_lines(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with('\n'));
    // Not `lines`, which also takes a carriage return away.
    text.trim_end_matches('\n').split('\n').map(str::to_owned).collect()
}

fn read(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Vec<Record>> {
    let mut reader = RecordReader::new();
    let mut records = Vec::new();
    for line in lines {
        records.extend(reader.push(line.as_ref())?);
    }
    records.extend(reader.finish()?);
    Ok(records)
}

#[test]
fn what_is_written_is_read_back_to_the_digit() {
    let records = all();
    let lines = records.iter().flat_map(lines_of);
    assert_eq!(read(lines).unwrap(), records);
}

#[test]
fn each_line_is_an_object_that_begins_with_its_type() {
    let types = |record| {
        let lines = lines_of(record);
        let types = lines.iter().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["type"].as_str().unwrap().to_owned()
        });
        types.collect::<Vec<_>>().join(" ")
    };
    let [authentication, item, session] = all();
    assert_eq!(types(&authentication), "authentication");
    assert_eq!(types(&item), "item item_version item_version");
    assert_eq!(
        types(&session),
        "session thread entry journal journal thread entry entry thread entry mark mark mark"
    );
    for line in all().iter().flat_map(lines_of) {
        assert!(line.starts_with("{\"type\":\""), "{line}");
    }
}

/// The form is what files hold and hashes are made of, so it stays as it is.
#[test]
fn the_form_of_a_mark_and_of_a_map_is_this() {
    let mark = session().marks.remove(0);
    let mut out = Vec::new();
    Line::mark(&mark).write(&mut out).unwrap();
    let expected = format!(
        "{{\"type\":\"mark\",\"thread_id\":\"{}\",\"entry_id\":\"{}\",\"part\":0,\"state\":\"excluded\",\"marked_at\":{}}}\n",
        mark.thread_id,
        mark.chunk.entry_id,
        mark.marked_at.micros()
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut record = session();
    record.session.memory = map();
    let line = lines_of(&Record::Session(Box::new(record))).remove(0);
    let memory = concat!(
        r#""memory":{"a":{"":[],"\u0000":"\u0000"#,
        "\u{ffff}\u{2028}",
        r#"","b":{}},"z":[18446744073709551615,-9223372036854775808,1.0,0.1,-0.0,1e+300,5e-324,null,true]}"#
    );
    assert!(line.contains(memory), "{line}");
}

#[test]
fn equal_records_have_equal_hashes_and_others_have_others() {
    for record in all() {
        let hash = record.content_hash().unwrap();
        assert_eq!(record.clone().content_hash().unwrap(), hash);
        let changed = match record {
            Record::Authentication(row) => {
                Record::Authentication(crate::auth::SavedAuthentication { updated_at: at(1), ..row })
            }
            Record::Item(mut record) => {
                record.versions[0].inserted_at = at(77);
                Record::Item(record)
            }
            Record::Session(mut record) => {
                record.threads[0].entries[0].journal[1].data.push(' ');
                Record::Session(record)
            }
        };
        assert_ne!(changed.content_hash().unwrap(), hash);
    }
}

#[test]
fn a_line_that_does_not_fit_is_refused() {
    let item_lines = lines_of(&Record::Item(item()));
    let lines = lines_of(&Record::Session(Box::new(session())));
    let authentication = lines_of(&Record::Authentication(authentication()));
    let (thread, entry, journal, mark) = (&lines[1], &lines[2], &lines[3], &lines[10]);
    let unknown = lines[0].replacen("\"name\"", "\"not_known_yet\":1,\"name\"", 1);
    let twice = lines[0].replacen("\"name\"", "\"name\":\"x\",\"name\"", 1);
    for wrong in [
        vec![""],
        vec!["{"],
        vec!["{\"type\":\"hologram\"}"],
        vec!["[]"],
        vec![&unknown],
        vec![&twice],
        vec![thread],
        vec![&authentication[0], thread],
        vec![&lines[0], entry],
        vec![&lines[0], thread, journal],
        vec![&lines[0], thread, entry, &item_lines[1]],
        vec![&item_lines[1]],
        vec![&item_lines[0]],
        vec![&item_lines[0], mark],
        vec![&item_lines[0], &lines[0]],
    ] {
        let error = read(&wrong).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{wrong:?}");
        assert!(!error.to_string().contains("talk"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_line_makes_the_reader_panic(line in ".*", cut in any::<prop::sample::Index>()) {
        let _ = read([line]);
        for line in all().iter().flat_map(lines_of) {
            let cut = line.floor_char_boundary(cut.index(line.len()));
            prop_assert!(read([&line[..cut]]).is_err());
        }
    }
}
