import Foundation
import PackagePlugin

/// Compiles `providers/*.json` into the binary, so that one file is the whole product.
@main
struct EmbedProviders: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "providers")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
        let output = context.pluginWorkDirectoryURL.appending(path: "BundledProviders.swift")
        return [
            .buildCommand(
                displayName: "Embedding provider profiles",
                executable: try context.tool(named: "EmbedProvidersTool").url,
                arguments: [output.path(percentEncoded: false), folder.path(percentEncoded: false)],
                // The folder itself changes when a file comes or goes; the files, when one is edited.
                inputFiles: [folder] + files, outputFiles: [output])
        ]
    }
}
