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
    @Option(help: ArgumentHelp("The kid by which the provider knows the key.", valueName: "kid")) var kid: String?

    /// The member `key` of the API; nil where no key is given.
    func read() throws -> JSONValue? {
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
