use bambu2mqtt::replay::*;
fn main(){ let mut r=Replay::default(); let mut n=0; let mut reports=0; let fin=std::env::args().any(|a|a=="--final"); let mut last=std::collections::BTreeMap::new();
 for f in std::env::args().skip(1).filter(|a|!a.starts_with("--")) { for l in std::fs::read_to_string(&f).unwrap().lines() { if l.trim().is_empty(){continue} let c=Capture::parse(l).unwrap(); let mut out=vec![]; r.feed(&c,&mut out); reports+=1; n+=out.len(); for p in out { if fin {last.insert(p.topic,p.payload);} } } }
 let mut out=vec![]; r.finish(&mut out); n+=out.len(); for p in out { if fin {last.insert(p.topic,p.payload);} }
 for (t,p) in last { if !p.is_empty() && !t.starts_with("homeassistant") {println!("{t} = {p}");} }
 eprintln!("reports {reports} publications {n} notes {:?}", r.notes()); }
