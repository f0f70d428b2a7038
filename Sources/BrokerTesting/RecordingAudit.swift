public import Broker
import Synchronization

/// Keeps audit events for a test to read, and refuses them on demand.
public final class RecordingAudit: AuditSink {
    private struct State {
        var events: [AuditEvent] = []
        var failure: AuditFailure?
    }

    private let state = Locked(State())

    public init() {}

    public var events: [AuditEvent] { state.withLock { $0.events } }

    /// From now on every call fails with this; nil mends it.
    public func fail(with failure: AuditFailure?) {
        state.withLock { $0.failure = failure }
    }

    public func record(_ event: AuditEvent) throws(AuditFailure) {
        let failure = state.withLock { state in
            if state.failure == nil { state.events.append(event) }
            return state.failure
        }
        if let failure { throw failure }
    }

    public func lines(after sequence: Int, limit: Int) throws(AuditFailure) -> [String] {
        Array(try tail(.max).dropFirst(sequence).prefix(limit))
    }

    public func publishHead(at now: Timestamp) throws(AuditFailure) {}

    public func head() -> (sequence: Int, mac: String) { (events.count, "") }

    public func versionsHandedOut() throws(AuditFailure) -> [String: Int] {
        var versions: [String: Int] = [:]
        for event in events where event.action == .credentialRead && event.result == "ok" {
            if let connection = event.connection { versions[connection] = event.version }
        }
        return versions
    }

    public func verify() throws(AuditFailure) -> AuditVerification {
        var verification = AuditVerification()
        verification.lines = events.count
        return verification
    }

    /// Only action, caller and result: enough to tell the lines apart.
    public func tail(_ count: Int) throws(AuditFailure) -> [String] {
        let (events, failure) = state.withLock { ($0.events.suffix(count), $0.failure) }
        if let failure { throw failure }
        return events.map { event in
            #"{"action":"\#(event.action.rawValue)","caller":"\#(event.caller)","result":"\#(event.result)"}"#
        }
    }
}
