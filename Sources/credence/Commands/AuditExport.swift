import Broker
import OAuth

/// Audit lines in the words of other systems.
enum AuditExport {
    /// OCSF 1.3, class API Activity (https://schema.ocsf.io/1.3.0/classes/api_activity).
    static func ocsf(_ event: JSONValue) -> JSONValue {
        let text = { (name: String) in event[name]?.string ?? "" }
        let activity = activity(of: text("action"))
        let isFine = text("result") == "ok"
        var resources: [JSONValue] = []
        for (name, type) in [("connection", "connection"), ("subject", "record")] {
            guard let uid = event[name]?.string else { continue }
            resources.append(.object(JSONObject([("uid", .string(uid)), ("type", .string(type))])))
        }
        var members: [(String, JSONValue)] = [
            ("class_uid", number(6003)), ("class_name", .string("API Activity")), ("category_uid", number(6)),
            ("category_name", .string("Application Activity")), ("activity_id", number(activity.id)),
            ("activity_name", .string(activity.name)), ("type_uid", number(600_300 + activity.id)),
            ("severity_id", number(isFine ? 1 : 3)), ("status_id", number(isFine ? 1 : 2)),
            ("status", .string(isFine ? "Success" : "Failure")),
        ]
        if !isFine { members.append(("status_code", .string(text("result")))) }
        if let reason = event["reason"] { members.append(("status_detail", reason)) }
        if let moment = Timestamp(iso8601: text("time")) {
            members.append(("time", .number(JSONNumber(Int(moment.milliseconds)))))
        }
        members.append(
            ("actor", .object(JSONObject([("user", .object(JSONObject([("uid", .string(text("caller")))])))]))))
        members.append(("api", .object(JSONObject([("operation", .string(text("action")))]))))
        members.append(("src_endpoint", .object(JSONObject([("name", .string("credence"))]))))
        members.append(("resources", .array(resources)))
        members.append(
            (
                "metadata",
                .object(
                    JSONObject([
                        ("version", .string("1.3.0")), ("uid", .string(event["seq"]?.display ?? "")),
                        (
                            "product",
                            .object(
                                JSONObject([("name", .string("Credence")), ("vendor_name", .string("Credence"))]))
                        ),
                    ]))
            ))
        let rest = ["version", "purpose", "fingerprint", "prev", "mac"].compactMap { name in
            event[name].map { (name, $0) }
        }
        if !rest.isEmpty { members.append(("unmapped", .object(JSONObject(rest)))) }
        return .object(JSONObject(members))
    }

    private static func activity(of action: String) -> (id: Int, name: String) {
        switch action.split(separator: ".").last {
        case "create", "add", "set", "request": (1, "Create")
        case "read", "prove": (2, "Read")
        case "delete", "remove", "revoke": (4, "Delete")
        case "start", "stop", "expiring", "finish", "verify": (99, "Other")
        default: (3, "Update")
        }
    }

    private static func number(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

    /// CEF: `CEF:0|Vendor|Product|Version|Event class|Name|Severity|Extension`.
    static func cef(_ event: JSONValue) -> String {
        let action = event["action"]?.string ?? ""
        var fields: [(String, String)] = []
        if let moment = Timestamp(iso8601: event["time"]?.string ?? "") {
            fields.append(("rt", String(moment.milliseconds)))
        }
        for (key, name) in [
            ("externalId", "seq"), ("suser", "caller"), ("outcome", "result"), ("reason", "reason"),
        ] {
            if let value = event[name]?.display { fields.append((key, value)) }
        }
        let own = ["connection", "subject", "version", "purpose", "fingerprint"]
        for (index, name) in own.enumerated() {
            guard let value = event[name]?.display else { continue }
            fields.append(("cs\(index + 1)Label", name))
            fields.append(("cs\(index + 1)", value))
        }
        let severity = event["result"]?.string == "ok" ? 3 : 6
        let head = ["CEF:0", "Credence", "Credence", "1", action, action, "\(severity)"].enumerated().map {
            index, part in
            index == 0 ? part : escaped(part, "|")
        }
        let tail = fields.map { "\($0.0)=\(escaped($0.1, "="))" }.joined(separator: " ")
        return head.joined(separator: "|") + "|" + tail
    }

    private static func escaped(_ text: String, _ separator: Character) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n", "\r", "\r\n": escaped += "\\n"
            case separator: escaped += "\\\(separator)"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
