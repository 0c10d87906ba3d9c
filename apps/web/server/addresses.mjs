import { BlockList, isIP } from "node:net";

/**
 * @param {string} list comma-separated addresses and networks, such as `10.0.0.0/8,::1`
 * @returns {(address: string) => boolean} whether an address is one of them
 */
export function addressMatcher(list) {
  const known = new BlockList();
  for (const entry of list.split(",").map((part) => part.trim())) {
    const [address, prefix] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (!isIP(address)) continue;
    if (prefix === undefined) known.addAddress(address, family);
    else known.addSubnet(address, Number(prefix), family);
  }
  return (address) => isIP(address) !== 0 && known.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
