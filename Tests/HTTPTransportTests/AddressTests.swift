import Testing

@testable import HTTPTransport

@Suite struct AddressTests {
    @Test(
        "N1: an address that is not on the public Internet is refused",
        arguments: [
            // loopback and unspecified
            "127.0.0.1", "127.1.2.3", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::1", "::",
            // private
            "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
            "fc00::1", "fd12:3456::1", "fdff::1", "fec0::1",
            // shared, link-local, metadata
            "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.0.1", "169.254.169.254", "169.254.170.2",
            "168.63.129.16", "192.0.0.192", "fe80::1", "febf::1", "fd00:ec2::254", "fd20:ce::254",
            // multicast, broadcast, reserved
            "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.0.1", "192.88.99.1", "ff02::1",
            "ff0e::1", "100::1", "2001:20::1", "2001:1ff::1", "4000::1", "5f00::1", "1::", "::2",
            // documentation and benchmarking
            "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "2001:db8::1", "2001:2::1",
            "3fff::1", "3fff:fff::1",
            // translated: mapped, compatible, NAT64, 6to4, Teredo; the public ones too
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe", "::127.0.0.1",
            "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::",
            "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        ])
    func refused(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!EgressPolicy.default.permits(address), "\(address.kind)")
    }

    @Test(
        "N1: a public address is allowed, next to every refused block too",
        arguments: [
            "8.8.8.8", "1.1.1.1", "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
            "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
            "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
            "223.255.255.255", "2000::1", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2003::1",
            "3ffe::1", "2a00::1",
        ])
    func allowed(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(EgressPolicy.default.permits(address), "\(address.kind)")
    }

    @Test(
        "N1: an odd spelling is no address and no name either",
        arguments: [
            "0x7f.1", "0x7f000001", "0X7F.0.0.1", "017700000001", "0177.0.0.1", "2130706433", "127.1", "127.0.1",
            "127.0.0.01", "127.0.0.1.", "127.0.0.1\u{0}", "1.2.3.4.5", "256.0.0.1", "[127.0.0.1]", "[::1", "::1]",
            "[fe80::1%25eth0]", "fe80::1%eth0", "[::1]x", "①②⑦.0.0.1", "127。0。0。1", "0x", "", ".", "a..b",
            "example.com.", "ex ample.com", "example.com@127.0.0.1", "a/b", "a:80", "localhost\u{0}.example",
            "%6c%6fcalhost", "bücher.example", String(repeating: "a", count: 64),
        ])
    func oddSpelling(text: String) { #expect(Destination.Host(text) == nil) }

    @Test("a host name is kept in small letters; an address in its canonical form")
    func hosts() {
        #expect(Destination.Host("As.Example.COM") == .name("as.example.com"))
        #expect(Destination.Host("xn--bcher-kva.example") == .name("xn--bcher-kva.example"))
        #expect(Destination.Host("[2001:DB8:0::1]") == .address(IPAddress("2001:db8::1")!))
        #expect(Destination.Host("2001:db8::1") == .address(IPAddress("2001:db8::1")!))
        #expect(Destination.Host("8.8.8.8") == .address(IPAddress([8, 8, 8, 8])!))
        #expect(IPAddress("2001:DB8:0:0::1")!.description == "2001:db8::1")
        #expect(IPAddress([1, 2, 3]) == nil)
    }

    @Test("development allows loopback and private addresses, not link-local and metadata")
    func development() {
        func permits(_ text: String) -> Bool { EgressPolicy.development.permits(IPAddress(text)!) }
        #expect(["127.0.0.1", "::1", "10.1.1.1", "fd00::1", "8.8.8.8"].allSatisfy(permits))
        let never = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "fe80::1", "::ffff:127.0.0.1"]
        #expect(!never.contains(where: permits))
    }

    @Test("a named network is allowed, and nothing beside it")
    func namedNetworks() {
        var policy = EgressPolicy.default
        policy.allowedNetworks = [CIDR("10.20.0.0/16")!, CIDR("fd00:1::/32")!, CIDR("64:ff9b::/96")!]
        func permits(_ text: String) -> Bool { policy.permits(IPAddress(text)!) }
        #expect(["10.20.255.1", "fd00:1::5", "64:ff9b::8.8.8.8", "64:ff9b::10.20.0.1"].allSatisfy(permits))
        let refused = ["10.21.0.1", "fd00:2::5", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "::ffff:10.20.0.1"]
        #expect(!refused.contains(where: permits))
    }

    @Test("a network in any but its one form is refused")
    func networks() {
        #expect(CIDR("10.0.0.0/8")?.description == "10.0.0.0/8")
        #expect(CIDR("0.0.0.0/0")?.contains(IPAddress("255.1.2.3")!) == true)
        #expect(CIDR("192.168.1.128/25")?.contains(IPAddress("192.168.1.127")!) == false)
        #expect(CIDR("192.168.1.128/25")?.contains(IPAddress("192.168.1.129")!) == true)
        #expect(CIDR("0.0.0.0/0")?.contains(IPAddress("::1")!) == false)
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.1.0.0/8", "x/8", "::/129", "", "/"] {
            #expect(CIDR(text) == nil, "\(text)")
        }
    }
}
