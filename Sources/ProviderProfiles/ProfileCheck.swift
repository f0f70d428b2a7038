/// `credence providers check`.
public enum ProfileCheck {
    /// Everything that is wrong with a profile; empty when nothing is. The file's name is not held against the
    /// profile's, so that a draft may be called anything; `ProviderCatalog.load` is strict about it.
    /// - Parameter allowHTTP: whether endpoints may be http, as under `--development`.
    public static func problems(in bytes: [UInt8], file: String, allowHTTP: Bool = false) -> [ProfileProblem] {
        switch ProviderProfile.decode(bytes, file: file, allowHTTP: allowHTTP) {
        case .success: []
        case .failure(let found): found.problems
        }
    }
}
