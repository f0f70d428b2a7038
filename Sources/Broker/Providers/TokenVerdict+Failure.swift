import OAuth

extension TokenVerdict {
    /// What an operator's log says of it: codes and the status, never the provider's prose, which may repeat what was sent.
    /// nil where tokens came.
    var failure: String? {
        switch self {
        case .granted: nil
        case .refused(let error): error.codes
        case .malformed(let reason, let status): "\(reason), status \(status)"
        case .unavailable(let status, _): "status \(status)"
        }
    }
}

extension OAuthError {
    /// Such as `invalid_grant (bad_token, 700082, status 400)`.
    var codes: String {
        let further = [subcode].compactMap(\.self) + numbers.map(String.init) + (status.map { ["status \($0)"] } ?? [])
        return further.isEmpty ? code : "\(code) (\(further.joined(separator: ", ")))"
    }
}
