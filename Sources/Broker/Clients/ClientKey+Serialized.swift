import Foundation
import OAuth

/// In the box of a client's secret: DER as base64, in JSON.
extension ClientKey {
    func serialized() -> [UInt8] {
        let members: [(String, JSONValue)] = [
            ("private_key", .string(Data(privateKey).base64EncodedString())),
            ("certificates", .array(certificates.map { .string(Data($0).base64EncodedString()) })),
        ]
        return Array(JSONValue.object(JSONObject(members)).serialized().utf8)
    }

    init?(serialized bytes: [UInt8], keyID: String?) {
        guard case .object(let members)? = try? JSONReader.read(bytes),
            case .string(let text)? = members["private_key"], let privateKey = Data(base64Encoded: text),
            case .array(let elements)? = members["certificates"]
        else { return nil }
        var certificates: [[UInt8]] = []
        for element in elements {
            guard case .string(let text) = element, let der = Data(base64Encoded: text) else { return nil }
            certificates.append(Array(der))
        }
        self.init(privateKey: Array(privateKey), certificates: certificates, keyID: keyID)
    }
}
