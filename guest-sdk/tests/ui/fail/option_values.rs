#[rustyray::remote(timeout = "5 days")]
fn a() {}

#[rustyray::remote(memory = "64mb")]
fn b() {}

#[rustyray::remote(max_retries = -1)]
fn c() {}

#[rustyray::remote(num_cpus = "one")]
fn d() {}

#[rustyray::remote(resources = "gpu")]
fn e() {}

#[rustyray::remote(fuel = 1, fuel = 2)]
fn f() {}

#[rustyray::remote(fuel)]
fn g() {}

#[rustyray::remote(grants = "clock")]
fn h() {}

fn main() {}
