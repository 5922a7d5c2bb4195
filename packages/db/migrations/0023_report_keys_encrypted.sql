-- Private keys are kept encrypted from now on (ADR 0033). What lay here in the clear may be in dumps: it signs nothing any
-- more, and is removed; its public part stays for the reports that it signed.
update signing_keys set private_key = '', is_current = false
where private_key not like '-----BEGIN ENCRYPTED PRIVATE KEY-----%';
