"""The first schema: people, sign-in requests, sessions, keys, letters, audit log, server state.

One text for both databases; only the words for a few types differ.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

TYPES = {
    "sqlite": {
        "uuid": "BLOB",
        "bytes": "BLOB",
        "float": "REAL",
        "json": "JSON",
        "counter": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        "big_counter": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    },
    "postgres": {
        "uuid": "UUID",
        "bytes": "BYTEA",
        "float": "DOUBLE PRECISION",
        "json": "JSONB",
        "counter": "SERIAL NOT NULL PRIMARY KEY",
        "big_counter": "BIGSERIAL NOT NULL PRIMARY KEY",
    },
}

SCHEMA = """
CREATE TABLE users (
    id {uuid} NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL UNIQUE,
    name VARCHAR(100) NOT NULL,
    roles VARCHAR(200) NOT NULL,
    created_at {float} NOT NULL,
    verified_at {float},
    disabled_at {float},
    last_sign_in_at {float}
);

CREATE TABLE magic_links (
    id {uuid} NOT NULL PRIMARY KEY,
    purpose VARCHAR(20) NOT NULL,
    email VARCHAR(254) NOT NULL,
    token_hash {bytes} NOT NULL,
    code_mac {bytes} NOT NULL,
    browser_hash {bytes},
    tries INT NOT NULL,
    return_to VARCHAR(2048),
    ip VARCHAR(45) NOT NULL,
    browser VARCHAR(60) NOT NULL,
    created_at {float} NOT NULL,
    expires_at {float} NOT NULL,
    closed_at {float},
    close_reason VARCHAR(20)
);
CREATE INDEX idx_magic_links_email_290c72 ON magic_links (email, id);

CREATE TABLE sessions (
    id {uuid} NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    created_at {float} NOT NULL,
    auth_time {float} NOT NULL,
    amr VARCHAR(100) NOT NULL,
    acr VARCHAR(40) NOT NULL,
    ip VARCHAR(45) NOT NULL,
    browser VARCHAR(60) NOT NULL,
    last_used_at {float} NOT NULL,
    rotated_at {float} NOT NULL,
    expires_at {float} NOT NULL,
    absolute_expires_at {float} NOT NULL,
    ended_at {float},
    end_reason VARCHAR(20),
    user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_sessions_user_id_a4803b ON sessions (user_id, id);

CREATE TABLE signing_keys (
    kid VARCHAR(64) NOT NULL PRIMARY KEY,
    algorithm VARCHAR(10) NOT NULL,
    sealed_private {bytes} NOT NULL,
    created_at {float} NOT NULL,
    signs_from {float},
    verifies_until {float}
);

CREATE TABLE api_keys (
    id {uuid} NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    scopes VARCHAR(200) NOT NULL,
    secret_hash {bytes} NOT NULL,
    created_at {float} NOT NULL,
    expires_at {float},
    revoked_at {float}
);

CREATE TABLE email_queue (
    id {uuid} NOT NULL PRIMARY KEY,
    kind VARCHAR(20) NOT NULL,
    recipient VARCHAR(254) NOT NULL,
    message_id VARCHAR(320) NOT NULL,
    body {bytes},
    status VARCHAR(10) NOT NULL,
    attempts INT NOT NULL,
    next_attempt_at {float} NOT NULL,
    lease_until {float},
    created_at {float} NOT NULL,
    expires_at {float} NOT NULL,
    finished_at {float},
    last_error VARCHAR(20),
    transport VARCHAR(20),
    link_id {uuid}
);
CREATE INDEX idx_email_queue_status_40b534 ON email_queue (status, next_attempt_at);

CREATE TABLE audit_log (
    id {big_counter},
    at {float} NOT NULL,
    event VARCHAR(40) NOT NULL,
    user_id {uuid},
    session_id {uuid},
    ip VARCHAR(45) NOT NULL,
    browser VARCHAR(60) NOT NULL,
    request_id VARCHAR(64) NOT NULL,
    method VARCHAR(20) NOT NULL,
    reason VARCHAR(20) NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX idx_audit_log_user_id_026c17 ON audit_log (user_id, id);

CREATE TABLE server_state (
    name VARCHAR(40) NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    sealed {bytes}
);

CREATE TABLE aerich (
    id {counter},
    version VARCHAR(255) NOT NULL,
    app VARCHAR(100) NOT NULL,
    content {json} NOT NULL
);
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the schema in the words of this database."""
    return SCHEMA.format_map(TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:  # noqa: ARG001 - aerich's signature
    """Return nothing: there is no schema before the first."""
    return ""


MODELS_STATE = (
    "eJztXWtzo7Ya/isaf2pn3J2s41zafHKySZvTbNLJ5Ww7nQ6WQbY1xhJFIo5nz/73IwkwN0"
    "GA+EK8fEoi6RHwCF69N7352plTC9nswxND7j1ddH4BXzsEzpH4Jd3VBR3oOFGHbOBwZKux"
    "nhikWuCIcReaXDSOoc2QaLIQM13scEyJHPo4RUDhwHCoYMPhGeB4jhjABDwR/AIYMimx2A"
    "c5oUVNMSMmkxpYj+B/PWRwOkF8ilwxw9//iGZMLPSCWPinMzPGGNlW4uGxJSdQ7QZfOqrt"
    "yfNbrZFhUtubk2igs+RTSlYjPTHyw9PT9SfZN0EEuZAjK8YJ8Ww74C5s8m9WNHDXQ6u7tK"
    "IGC42hZ0tmJdq/j6itYxi3d4/Gw+WjYXQyrIeIGJlBk2BLrhgmXBLy9Zs/b/TgqrUjL3B+"
    "c3eunpUyPnFVR0c94zcFghz6MEVsxCSaQ2xnybyYQvdK0Z5mdAVIkSpu893R2ZnDF8NGZM"
    "Kn4s/eUb+A3/8O7i9+G9z/IEb9KC9JxXfkf123QVfP75N8R/yqnxXoDcevh92wIaI3+uxX"
    "XHa2wu7Hg4MS7IpRueyqviS7LrURq0LvCrB3/PZK8dsr4LeX5dd0kWTDgDxL8pVNIdeznI"
    "SlqB5L3KbI3o3s/XT3dH5zCf64v7y4fri+u5VXmS/Zv3bUKZtEA+aKg/vLwU2K6mfkYjF3"
    "Za5TuJpkB1L3O+Hawkw+d2WuU7iW6xJc25Bxg+EJMTCpyrcG23Kew7nUlcezmI4nG0bQnC"
    "2gaxmJnmhxGGJM3DrT7KHnAfTq93tkQ/WAWfoDI+TBnyawQ96nXI9ag9dFMUp7NI/SbNe8"
    "N0+3QAIn6pHkteWVAsY+wwk2bzCZ5Zh1if5ukW03lyMNWwytYeHFwNJWw1xYahbADAiDDD"
    "jeyMYmGLpIrJP4ELFVzxRc50Vetxn/jiwUYfz905qQGzchHc8ViEpWTgyyPUV8e4ZkOU28"
    "QBFP6+G7ttKbRe8m7HROZ4gYU8immq0QE+gu9UQncSm2R0vuW5vvjO8SMmLOApVEkHp+fT"
    "u4/+uHz4M/f0xoKzd3t7/qZMr5X4+Xg7SlKXY2Yw7NauzHUS33dbkfuXTBkFvj7U8ja67B"
    "drTzzm/iLgEdK73DpHSGUfhX8Bzid8gBZDNknakLADwW+gpYQAYIDUdltZ11Trz710E8ls"
    "6pdk1yrLTV+NTqS1V6Q9/fwaY2mom8g596H/sn/dPD4/6pGKLuctVyUrAg17ePaf8k4p4r"
    "GKGVfJRxUK39u2HWblo76p+W0o/6pwUakuxMco2dKiT7o/dQO+oflSC3f5RLrezSbg9V2I"
    "1B9pDi4zL6/XG+fn/c+tl3549ELw4Wm19VqpOwluoyVJu2sPGrv9RxVOvuLcuzIWQB8520"
    "ZaV0GrePusY6PDEVXOub9BnHvOwaj3HSB5/vLw5d/tWdxSGyZkZQOXgZB6/MLTJ8t2zr4t"
    "2Kizd4fKyTL+d4kmsaJnF7Yx/+3OsdHp70Dg6PT4/6JydHpwcrQzHbVWQxnl//Ko3GhPTJ"
    "WpGtdri1rRR6fGpI6VSJ6QSqJboU0fNKBmUwfA+NyY3kxUGzGrvmvrLbL0NuP5/bfoba1s"
    "3Uupneq5tJ5VN5NWzyNLDd48rscS7ldfS2JKzZVHe+TBFRkS4bPyMQ6fsqtIUZ85CVNQvL"
    "glrP4LqX69oStjgi1hlAz8hdAvWuSebn9Fla5LwLiOwBjvjiwRCOmHhOjozoIYfZ5VzXpF"
    "vWQLO3UU3p1+Ob/QI0RTSKt6W6YIyDWsdwOZZruIWTqNYp/Hp6XswhWcLbGBu9Tpdjc1/l"
    "AqdjxrWeJFUjHqiL8IT8jvyMpGtxD5CYOsdL9oDs+2Q0k5guml24WPm74++TeHzx0MgXCB"
    "eDh4vBp8vOtx2FK8QyiccTK5UXsUgM6BYGLfyhxgwt6wQuYui6wYvSU7zhVPNMJ0Ly5fRM"
    "K0MadA63c391AU6OD0+Fru/NR44gloeJcUHev+AzS3x5WLH9XCZN+Dg/S/g4SBLOD4tAe0"
    "JdzKfzSs62OGgP3RYfy/kzC9yZ6e2VISgP3YkX4VmQootA5WeoZrFtnnC3bo52G4faluYu"
    "9xtmjF2qES0FVCdhjbaROlfiLsFCeoIokbnQ6t6D7OgxdZW4F3LeT53GzBf9bIosAKcIar"
    "xK65hwJ2e+meERrjvf8/qx7xi02av9JG/TXx2xNOHdB6uzmGKhZYVLBsRaLSDmGpWs9iyN"
    "On+7Sa174OB8jTvqLNS2oYNratohsqaWXQ7e1g1qQEZQ8+vavO8IPjOpU620TYTYQ443Ut"
    "1GCBUX8RrH3lLA1qJoLYrGWxS7jG42LByw6bA/eqazGmH/BKxlutl69g3iPLcoZ9RZqGer"
    "Ig2GWCgPVVe1Y+Ca2nbpGcrk5DMOuacej6AXLl5ijuaO/Nnm529BG5+JB6kWOiBrjB00TF"
    "Ncd3TXRSZ2MCIacV50iDsG2keaN1GERQggJsStNpSeT3UStYdcH5Z6pw8LXurD7Fs9otay"
    "mtUTIppd5ONBBXzEXCZnZ2CBHfHHYpVvqDZm6fxlSAYVXcApBdTWeJPfMM/u7apoNy7tPV"
    "ghmvwBdRxELLFAXcn76hfeFZNjsVpd4JsrmuWsAtxyeDPQlaqUXIlD9uZU3dqqrqQ10Ayv"
    "BVaYBtv6F0rVeUWQoRqBrBSu0XZv54sKMQ0DGTL8BXjxgJTaDSyxL8zhUlhZM6TLfK8+wZ"
    "aLCbQuue/BJbetDfuSWGHulo3Hqi7aQsbfY1qUCV1ZQSz7sVTEbnfxxpio5IGqq5fCNVre"
    "NeVDUcfPkOvSSqcDk6g2j/11T4e4FGEOdSt5OhKgluXXWZaVsMufFoiNfoMDdEv6kXQvy+"
    "ybnzABQUVvAENZPUI2JRMmTGW9X7oscDMHD3aUruNZmF8S7i47unydqLdbmLAjxxk2nZQL"
    "I3yZUmBhS22mXaV7Cjs4SJ5z0Znv8wBTalsAWwxAsQ37RbnAgrqigRJbk7W9tlk3XQKoqG"
    "CN9kPTmNTB99TYEMM2C9UU5MdXPFH5DhTapqhE6LliQGIFaLJ/r+Yevf4qH7s40dcwNahu"
    "lDLz32XK85gEtFS2VWfaqjPvv+pM9K99qrCcRO0j0Ws6nhgPnwuSKobOQ8QeEryJTJCqtR"
    "TeWEfheyNY2YhZfh/RS543NQTsBb0FdD5e/qnMr1WmQEijPlEgHB6j/UJqGo1xfDwg9xm5"
    "D7LSVUdbzTjq7haXM5YDDbYaWbGkcYQeaiobvTL2DSeRdnt+pkH/dXtdtlvBUSVvPtJpeE"
    "V+oAizN+kVWy5a7B+817H+2mF9DevNyjFr2omahoj0AXKxOdVJ86CnUJDDaMxrIjyf/zUf"
    "Df1e3MRvzLzKF71iw2TaovH5G10Mshc6XTptuowHQ4wqSJvO+DDkR1WB4WD4HrK7kZO44o"
    "pc62v/z8PdbU4yVARJsWxhk4P/ARuzPYtpSDKK7ZO0KZLazOQEO7dPvv0fRw8ZRg=="
)
