import ArgumentParser

/// Counterparts of Credence for trying things out on one machine. Nothing here is fit for anything else.
@main
struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credence-sandbox",
        abstract: "Counterparts of Credence for trying things out on one machine.",
        subcommands: [Serve.self, Demo.self, Bare.self, Posts.self, TokenEndpoint.self]
    )
}
