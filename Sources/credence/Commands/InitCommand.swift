import ArgumentParser
import Broker
import OAuth

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Create the data folder, the master key, the store and the first admin key.",
        discussion: """
            Safe to repeat: what is there stays. The admin key is printed once, on standard output.
            Keep a copy of DATA/master.key in a safe place: without it nothing that is stored can be read.
            Example: credence init --data /var/lib/credence
            """)

    @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data: String?
    @Flag(help: "Answer in JSON, for machines.") var json = false

    func run() async throws {
        var common = CommonOptions()
        common.data = data
        let folder = common.folder
        var options = ServiceOptions(folder: folder)
        try await options.fill(fromFile: nil)
        let made = try await Service.initialize(options)
        if json {
            var members: [(String, JSONValue)] = [
                ("data", .string(folder)), ("created", .bool(made.createdStore)),
            ]
            if let key = made.adminKey { members.append(("key", .string(key))) }
            return Terminal.say(JSONValue.object(JSONObject(members)).serialized())
        }
        Terminal.complain(made.createdStore ? "created \(folder)" : "\(folder) is in order")
        if let key = made.adminKey {
            if case .file(let path) = try options.masterKeyPlace {
                Terminal.complain("master key: \(path) (keep a copy in a safe place)")
            }
            Terminal.complain("The admin key, shown this once:")
            Terminal.say(key)
        }
    }
}
