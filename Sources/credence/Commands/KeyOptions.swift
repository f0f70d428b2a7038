import ArgumentParser
import Foundation
import OAuth

/// Where a client's key comes from: a file, never an argument.
struct KeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("A private key, PEM or PKCS#12, with its certificates if it has any.", valueName: "file"))
    var keyFile: String?
    @Option(help: ArgumentHelp("Certificates for the key, PEM.", valueName: "file")) var certificateFile: String?
    @Option(help: ArgumentHelp("The passphrase of the key file.", valueName: "file")) var passphraseFile: String?
    @Option(
        help: ArgumentHelp(
            "A file on the service's machine with an assertion that a platform signs and renews; read at each request.",
            valueName: "path"))
    var assertionFile: String?
    @Option(help: ArgumentHelp("The kid by which the provider knows the key.", valueName: "kid")) var kid: String?

    /// The member of the API, `key` or `assertion_file`; nil where neither is given.
    func member() throws -> (String, JSONValue)? {
        guard let assertionFile else { return try read().map { ("key", $0) } }
        guard keyFile == nil else { throw CommandFailure(.usage, "Give --key-file or --assertion-file, not both.") }
        return ("assertion_file", .string(assertionFile))
    }

    private func read() throws -> JSONValue? {
        guard let keyFile else {
            guard certificateFile == nil, passphraseFile == nil, kid == nil else {
                throw CommandFailure(.usage, "--certificate-file, --passphrase-file and --kid go with --key-file.")
            }
            return nil
        }
        let bytes = try Terminal.file(keyFile)
        var members: [(String, JSONValue)] = []
        if let text = String(validating: bytes, as: UTF8.self), text.contains("-----BEGIN ") {
            members.append(("pem", .string(text)))
        } else {
            members.append(("pkcs12", .string(Data(bytes).base64EncodedString())))
        }
        if let certificateFile {
            members.append(
                ("certificates", .string(String(decoding: try Terminal.file(certificateFile), as: UTF8.self))))
        }
        if let passphraseFile,
            let passphrase = try Terminal.secret(fromStandardInput: false, file: passphraseFile, prompt: "")
        {
            members.append(("passphrase", .string(passphrase)))
        }
        if let kid { members.append(("kid", .string(kid))) }
        return .object(JSONObject(members))
    }
}
