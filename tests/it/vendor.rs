//! `docs/cloud.md` says of everything that the vendor's interface is described with whether it is used, and why or
//! why not.

const PAGE: &str = include_str!("../../docs/cloud.md");

/// Each of these begins a row, or stands in the first cell of one: endpoints, headers, topics, codes.
const DESCRIBED: &[&str] = &[
    "POST /v1/user-service/user/login",
    "POST /v1/user-service/user/sendemail/code",
    "POST …bambulab.cn/api/v1/user-service/user/sendsmscode",
    "POST /v1/user-service/user/tfa/login",
    "POST …/api/sign-in/tfa",
    "POST /v1/user-service/user/refreshtoken",
    "POST /v1/user-service/my/logout",
    "GET /v1/design-user-service/my/preference",
    "GET /v1/user-service/my/profile",
    "GET iot/user/bind",
    "POST iot/user/bind",
    "DELETE iot/user/bind",
    "GET iot/user/print?force=true",
    "POST iot/user/print",
    "GET iot/user/device/version",
    "GET iot/user/device/info",
    "PATCH iot/user/device/info",
    "GET /v1/user-service/my/tasks",
    "GET /v1/user-service/my/task/{id}",
    "POST /v1/user-service/my/task",
    "GET iot/user/task/{id}",
    "GET /v1/user-service/my/messages",
    "GET /v1/user-service/my/message/count",
    "…/latest",
    "…/device/taskstatus",
    "POST /v1/user-service/my/message/read",
    "GET iot/user/project",
    "GET iot/user/project/{id}",
    "POST iot/user/project",
    "PATCH iot/user/project/{id}",
    "GET iot/user/profile/{id}",
    "GET iot/slicer/setting?version=",
    "DELETE iot/slicer/setting/{id}",
    "GET iot/slicer/resource",
    "POST iot/user/ttcode",
    "GET iot/user/notification",
    "PUT iot/user/notification",
    "GET iot/user/upload",
    "POST …/upload",
    "POST …/upload/confirm",
    "PUT …",
    "GET /v1/user-service/my/ticket/{id}",
    "GET iot/user/applications/{…}/cert",
    "/v1/cert/*",
    "camera",
    "a print from the cloud, as a whole",
    "webhooks",
    "Authorization",
    "User-Agent",
    "Content-Type",
    "Accept",
    "Accept-Encoding",
    "X-BBL-Client-Name",
    "X-BBL-Client-Type",
    "X-BBL-Client-Version",
    "X-BBL-Agent-Version",
    "X-BBL-Agent-OS-Type",
    "X-BBL-OS-Type",
    "X-BBL-OS-Version",
    "X-BBL-Language",
    "X-BBL-Executable-info",
    "x-bbl-csrf-token",
    "x-bbl-app-certification-id",
    "x-bbl-device-security-sign",
    "Retry-After",
    "device/SERIAL/report",
    "device/SERIAL/request",
    "device/{id}/status",
    "printer/{id}/state",
    "printer/{id}/command",
    "device/+/report",
    "limit",
    "after",
    "page",
    ".3mf",
    ".gcode.3mf",
    ".gcode",
    ".stl",
    ".step",
    ".obj",
];

/// What is in a table with a number as its first cell.
const NUMBERED: &[&str] = &[
    "1", "2", "4", "8", "400", "401", "403", "404", "429", "500", "1001", "1002", "1003", "1004", "1005",
    "1006",
];

/// The rows of the page's tables, cell by cell.
fn rows() -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).map(cells).collect()
}

/// The names in a cell, each between back quotes; a cell without any is its own name.
fn names(cell: &str) -> Vec<&str> {
    let quoted: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    if quoted.is_empty() { vec![cell] } else { quoted }
}

#[test]
fn all_that_the_vendors_interface_is_described_with_has_a_row_with_its_reason() {
    let rows = rows();
    for described in DESCRIBED.iter().chain(NUMBERED) {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| names(cell).contains(described)));
        let row = row.unwrap_or_else(|| panic!("docs/cloud.md has no row for `{described}`"));
        let reason = row.last().unwrap();
        assert!(row.len() > 1 && reason.len() > 10, "`{described}` has no reason: {row:?}");
    }
}
