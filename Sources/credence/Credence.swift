import ArgumentParser
import Glibc

/// The command line (contract.md, "Command line"). Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found,
/// 4 refused, 5 try again later.
@main
struct Credence: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credence",
        abstract:
            "An OAuth 2.0 and credential broker: connectors ask by connection ID, and get the credential of the moment.",
        discussion: """
            Start with 'credence init', then 'credence serve'. Verbs work beside a running service and without one.
            The data folder is --data DIR, else $CREDENCE_DATA, else ~/.credence.
            """,
        version: version,
        subcommands: [
            InitCommand.self, ServeCommand.self, ProvidersCommand.self, ClientsCommand.self, ConnectionsCommand.self,
            SecretsCommand.self, CredentialCommand.self, CallersCommand.self, WebhooksCommand.self,
            AuditCommand.self, KeysCommand.self, BackupCommand.self, RestoreCommand.self, VerifyCommand.self,
            DoctorCommand.self,
        ])

    static let version = "0.1.0"

    static func main() async {
        ProcessHygiene.apply()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Terminal.complain("credence: \(failure.message)")
            Glibc.exit(failure.exit.rawValue)
        } catch {
            // Help and version are "errors" of code 0; everything else that the parser says is wrong usage.
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                Terminal.say(message)
                Glibc.exit(0)
            }
            Terminal.complain(message)
            Glibc.exit(
                code == .validationFailure ? CommandFailure.Exit.usage.rawValue : CommandFailure.Exit.failed.rawValue)
        }
    }
}

/// Why a verb did not do what it was asked.
struct CommandFailure: Error {
    enum Exit: Int32 {
        case failed = 1
        case usage = 2
        case notFound = 3
        case refused = 4
        case tryLater = 5
    }

    let exit: Exit
    let message: String
    /// Nobody answered, so nothing was done.
    let isUnreachable: Bool

    init(_ exit: Exit, _ message: String, isUnreachable: Bool = false) {
        self.exit = exit
        self.message = message
        self.isUnreachable = isUnreachable
    }
}
