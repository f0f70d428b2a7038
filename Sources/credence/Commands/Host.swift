import Broker
import CProcess
import Glibc
import SQLiteStore
import Sealing

/// What can be told of the host without a service.
enum Host {
    static func findings(folder: String) -> [Finding] {
        let folderFindings = [dataFolder(folder)]
        let isThere = access(folder, F_OK) == 0
        return folderFindings + (isThere ? files(in: folder) + [fileSystem(folder), space(folder)] : [])
            + [clock(), swap(), cores(), sqlite(), openSSL(), environmentHoldsKey()]
    }

    // MARK: The data folder

    private static func dataFolder(_ folder: String) -> Finding {
        do {
            try DataFolder.check(folder)
            return Finding("data folder", .fine, "\(folder), open to its owner alone")
        } catch {
            return Finding("data folder", .wrong, error.detail)
        }
    }

    /// Files that others may read, or that are not what they should be (security case S18).
    private static func files(in folder: String) -> [Finding] {
        let loose = DataFolder.looseFiles(in: folder)
        guard !loose.isEmpty else { return [Finding("files", .fine, "all private")] }
        let names = loose.prefix(5).joined(separator: " ")
        return [Finding("files", .wrong, "links, or open to others: \(names). Use chmod 600, and the files themselves")]
    }

    private static func fileSystem(_ folder: String) -> Finding {
        // Magic numbers of statfs(2): NFS, SMB, SMB2, CIFS, 9P, Ceph, AFS.
        let network: Set<Int64> = [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997, 0x00C3_6400, 0x5346_414F]
        let found = credence_file_system(folder)
        if network.contains(found) {
            return Finding(
                "file system", .wrong,
                "a network file system: its locks do not keep two services apart. Use a local disk")
        }
        return Finding("file system", .fine, found == 0x0102_1994 ? "in memory: nothing outlives the host" : "local")
    }

    private static func space(_ folder: String) -> Finding {
        var status = statvfs()
        guard statvfs(folder, &status) == 0, status.f_blocks > 0 else {
            return Finding("disk", .note, "cannot be looked at")
        }
        let free = (UInt64(status.f_bavail) * UInt64(status.f_frsize)) >> 20
        let share = Int(status.f_bavail * 100 / status.f_blocks)
        let text = "\(free) MiB free, \(share) %"
        if free < 100 {
            return Finding(
                "disk", .wrong, "\(text): no secret leaves without an audit line, and no line fits on a full disk")
        }
        return Finding("disk", free < 1024 ? .warning : .fine, text)
    }

    // MARK: The kernel

    private static func clock() -> Finding {
        switch credence_clock_is_synchronized() {
        case 1: Finding("clock", .fine, "synchronized")
        case 0:
            Finding(
                "clock", .warning,
                "not synchronized: lifetimes of tokens and certificates are told by it. Run an NTP client")
        default: Finding("clock", .note, "cannot be told whether it is synchronized")
        }
    }

    /// Secrets in memory may be written to swap, and stay there.
    private static func swap() -> Finding {
        let lines = lines(of: "/proc/swaps").dropFirst()
        let open = lines.compactMap { $0.split(separator: " ").first.map(String.init) }.filter {
            !$0.hasPrefix("/dev/dm-") && !$0.hasPrefix("/dev/mapper/") && !$0.hasPrefix("/dev/zram")
        }
        if lines.isEmpty { return Finding("swap", .fine, "none") }
        return open.isEmpty
            ? Finding("swap", .fine, "encrypted, as far as can be told, or in memory")
            : Finding(
                "swap", .warning,
                "\(open.joined(separator: " ")) is not encrypted: memory with secrets may be written there")
    }

    private static func cores() -> Finding {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        return limit.rlim_cur == 0 && credence_is_dumpable() == 0
            ? Finding("core files", .fine, "off, and the process cannot be traced by its own user")
            : Finding(
                "core files", .wrong, "the kernel does not let them be switched off: a core file would hold secrets")
    }

    private static func environmentHoldsKey() -> Finding {
        let names: [String] = ["CREDENCE_KEY"].filter { (name: String) in environment(name) != nil }
        return names.isEmpty
            ? Finding("environment", .fine, "holds no key")
            : Finding(
                "environment", .note, "\(names[0]) is set: whoever may read this process's environment has that key")
    }

    // MARK: Libraries

    private static func sqlite() -> Finding {
        let version = SQLiteStore.libraryVersion
        // sqlite.org/wal.html, "The WAL-Reset Bug": two connections that write or checkpoint at once. Here there is one.
        return isAtLeast(version, [3, 51, 3])
            ? Finding("SQLite", .fine, version)
            : Finding("SQLite", .fine, "\(version): its fault in WAL mode needs two connections, and here there is one")
    }

    private static func openSSL() -> Finding {
        let version = openSSLVersion
        let number = version.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        // openssl-library.org/news/vulnerabilities: CVE-2022-3602 and -3786, in the reading of certificates.
        return isAtLeast(number, [3, 0, 7])
            ? Finding("OpenSSL", .fine, version)
            : Finding("OpenSSL", .wrong, "\(version) has known faults in the reading of certificates: update it")
    }

    static func isAtLeast(_ version: String, _ wanted: [Int]) -> Bool {
        let parts = version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
        for (index, number) in wanted.enumerated() {
            let found = index < parts.count ? parts[index] : 0
            if found != number { return found > number }
        }
        return true
    }

    private static func lines(of path: String) -> [String] {
        String(decoding: PrivateFile.read(path, limit: 1 << 20) ?? [], as: UTF8.self).split(separator: "\n").map(
            String.init)
    }
}
