import Glibc
import Testing

@testable import Sealing

@Suite("systemd credential")
struct SystemdCredentialSourceTests {
    @Test("the credential is read from the folder that systemd names")
    func read() throws {
        try withFolder { folder in
            let source = SystemdCredentialSource(name: "master-key", folder: folder)
            #expect(!source.isPresent)
            #expect(failure { () throws(SealingError) in try source.masterKey() }?.code == .masterKeyUnreadable)
            try FileMasterKeySource.createFile(at: "\(folder)/master-key")
            #expect(source.isPresent)
            #expect(try source.masterKey().id == FileMasterKeySource(path: "\(folder)/master-key").masterKey().id)
        }
    }

    @Test("without a folder it says what to add to the unit", .enabled(if: getenv("CREDENTIALS_DIRECTORY") == nil))
    func noFolder() {
        let source = SystemdCredentialSource(name: "master-key")
        #expect(!source.isPresent)
        let error = failure { () throws(SealingError) in try source.masterKey() }
        #expect(error?.code == .masterKeyUnreadable)
        #expect(error?.description.contains("LoadCredential=master-key") == true)
    }

    @Test("root's file lent by an access list, which shows as 0440, is taken as a credential only")
    func lent() {
        var status = stat()
        status.st_mode = S_IFREG | 0o440
        func refusal(isCredential: Bool) -> SealingError? {
            FileMasterKeySource.refusal(of: status, path: "key", user: 1000, isCredential: isCredential)
        }
        #expect(refusal(isCredential: true) == nil)
        #expect(refusal(isCredential: false)?.code == .masterKeyPermissive)
        status.st_gid = 1000
        #expect(refusal(isCredential: true)?.code == .masterKeyPermissive)
        status.st_gid = 0
        status.st_mode = S_IFREG | 0o444
        #expect(refusal(isCredential: true)?.code == .masterKeyPermissive)
        status.st_mode = S_IFREG | 0o440
        status.st_uid = 1000
        #expect(refusal(isCredential: true)?.code == .masterKeyPermissive)
    }
}
